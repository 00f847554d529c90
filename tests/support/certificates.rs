//! An authority of our own and what it signs, as PEM files in a folder.

use std::fs::write;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// PEM files.
#[derive(Debug)]
pub(crate) struct Certificates {
    /// The authority that signed the broker and the agent.
    pub(crate) authority: PathBuf,
    /// An authority that signed nobody.
    pub(crate) stranger: PathBuf,
    /// The broker's key and certificate in one file.
    pub(crate) broker: PathBuf,
    /// The agent's certificate.
    pub(crate) agent: PathBuf,
    /// The agent's key.
    pub(crate) agent_key: PathBuf,
}

impl Certificates {
    /// Writes all of them into `folder`.
    pub(crate) fn make(folder: &Path) -> Self {
        let path = |name: &str| folder.join(name);
        let files = Self {
            authority: path("authority.pem"),
            stranger: path("stranger.pem"),
            broker: path("broker.pem"),
            agent: path("agent.pem"),
            agent_key: path("agent-key.pem"),
        };
        let authority = issuer("authority");
        write(&files.authority, authority.pem()).unwrap();
        write(&files.stranger, issuer("stranger").pem()).unwrap();
        let (key, certificate) = signed(&authority, "127.0.0.1");
        write(&files.broker, key + certificate.as_str()).unwrap();
        let (key, certificate) = signed(&authority, "agent");
        write(&files.agent_key, key).unwrap();
        write(&files.agent, certificate).unwrap();
        files
    }
}

fn issuer(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A key and its certificate for that host.
fn signed(authority: &CertifiedIssuer<'static, KeyPair>, host: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, host);
    let certificate = params.signed_by(&key, authority).unwrap();
    (key.serialize_pem(), certificate.pem())
}
