//! The regions of Genesys Cloud and their hosts.

/// A region's name as the vendor's cloud calls it, and the domain under which its hosts stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// `eu-central-1`.
    pub name: &'static str,
    /// `mypurecloud.de`; the API answers under `api.`, tokens come from `login.`.
    pub domain: &'static str,
}

impl Region {
    /// `https://api.…`, without a slash at the end.
    pub fn api_url(self) -> String {
        format!("https://api.{}", self.domain)
    }

    /// `https://login.…`, without a slash at the end.
    pub fn login_url(self) -> String {
        format!("https://login.{}", self.domain)
    }

    /// Finds a region by its name (`eu-central-1` or `eu_central_1`) or its domain, without regard to case.
    pub fn find(text: &str) -> Option<Self> {
        let wanted = text.trim().to_ascii_lowercase();
        let name = wanted.replace('_', "-");
        REGIONS
            .iter()
            .copied()
            .find(|region| region.name == name || region.domain == wanted)
    }
}

macro_rules! regions {
    ($($name:literal $domain:literal),* $(,)?) => {
        /// Every region.
        pub const REGIONS: &[Region] = &[$(Region { name: $name, domain: $domain }),*];
    };
}

regions! {
    "us-east-1" "mypurecloud.com",
    "us-east-2" "use2.us-gov-pure.cloud",
    "us-west-2" "usw2.pure.cloud",
    "ca-central-1" "cac1.pure.cloud",
    "mx-central-1" "mxc1.pure.cloud",
    "sa-east-1" "sae1.pure.cloud",
    "eu-central-1" "mypurecloud.de",
    "eu-central-2" "euc2.pure.cloud",
    "eu-west-1" "mypurecloud.ie",
    "eu-west-2" "euw2.pure.cloud",
    "eusc-de-east-1" "edee1.eusc-pure.cloud",
    "me-central-1" "mec1.pure.cloud",
    "ap-south-1" "aps1.pure.cloud",
    "ap-northeast-1" "mypurecloud.jp",
    "ap-northeast-2" "apne2.pure.cloud",
    "ap-northeast-3" "apne3.pure.cloud",
    "ap-southeast-1" "apse1.pure.cloud",
    "ap-southeast-2" "mypurecloud.com.au",
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vendor's own list of hosts, in the order and the spelling of its SDK.
    const HOSTS: [(&str, &str); 18] = [
        ("us_east_1", "mypurecloud.com"),
        ("eu_west_1", "mypurecloud.ie"),
        ("ap_southeast_2", "mypurecloud.com.au"),
        ("ap_northeast_1", "mypurecloud.jp"),
        ("eu_central_1", "mypurecloud.de"),
        ("us_west_2", "usw2.pure.cloud"),
        ("ca_central_1", "cac1.pure.cloud"),
        ("ap_northeast_2", "apne2.pure.cloud"),
        ("eu_west_2", "euw2.pure.cloud"),
        ("ap_south_1", "aps1.pure.cloud"),
        ("us_east_2", "use2.us-gov-pure.cloud"),
        ("sa_east_1", "sae1.pure.cloud"),
        ("me_central_1", "mec1.pure.cloud"),
        ("ap_northeast_3", "apne3.pure.cloud"),
        ("eu_central_2", "euc2.pure.cloud"),
        ("mx_central_1", "mxc1.pure.cloud"),
        ("ap_southeast_1", "apse1.pure.cloud"),
        ("eusc_de_east_1", "edee1.eusc-pure.cloud"),
    ];

    #[test]
    fn every_region_has_the_vendor_s_hosts() {
        for (name, domain) in HOSTS {
            let region = Region::find(name).unwrap();
            assert_eq!(region.api_url(), format!("https://api.{domain}"));
            assert_eq!(region.login_url(), format!("https://login.{domain}"));
            assert_eq!(Region::find(domain), Some(region));
        }
        assert_eq!(REGIONS.len(), HOSTS.len());
    }

    #[test]
    fn a_region_is_found_by_either_spelling_or_its_domain() {
        for text in ["eu-central-1", "EU_CENTRAL_1", "mypurecloud.de"] {
            assert_eq!(
                Region::find(text).map(Region::api_url).as_deref(),
                Some("https://api.mypurecloud.de")
            );
        }
        assert_eq!(Region::find("eu-north-1"), None);
    }
}
