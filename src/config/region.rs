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
    use std::collections::HashSet;

    #[test]
    fn there_are_eighteen_regions_and_no_two_alike() {
        assert_eq!(REGIONS.len(), 18);
        assert_eq!(REGIONS.iter().map(|r| r.name).collect::<HashSet<_>>().len(), 18);
        assert_eq!(REGIONS.iter().map(|r| r.domain).collect::<HashSet<_>>().len(), 18);
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

    #[test]
    fn tokens_come_from_the_login_host() {
        let login = Region::find("us-east-2").map(Region::login_url);
        assert_eq!(login.as_deref(), Some("https://login.use2.us-gov-pure.cloud"));
    }
}
