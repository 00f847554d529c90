//! The way to the organization: an authority of one's own, and a proxy.

use std::net::SocketAddr;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::*;

/// An organization behind TLS: it grants a token and answers everything else with `{}`. Its authority's certificate
/// is written to `ca`.
async fn organization(names: &[&str], ca: &Path) -> SocketAddr {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(ca, authority.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let certificate = CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key);
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let head = head(&mut stream).await;
                let body = match head.starts_with("POST /oauth/token") {
                    true => r#"{"access_token":"t","expires_in":300}"#,
                    false => "{}",
                };
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    address
}

/// A proxy that takes whoever asks for anything to `target`, or nobody anywhere; says what it was asked.
async fn proxy(target: Option<SocketAddr>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let seen = seen.clone();
            tokio::spawn(async move {
                let head = head(&mut stream).await;
                let line = head.lines().next().unwrap_or_default();
                seen.lock().unwrap().push(line.to_owned());
                let Some(target) = target else {
                    let _ = stream
                        .write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
                        .await;
                    return;
                };
                let mut onwards = TcpStream::connect(target).await.unwrap();
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                let _ = copy_bidirectional(&mut stream, &mut onwards).await;
            });
        }
    });
    (url, asked)
}

/// A request's head; what came of its body is left out.
async fn head(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut part).await {
            Ok(count) if count > 0 => bytes.extend_from_slice(&part[..count]),
            _ => break,
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn settings(url: &str, ca: Option<&Path>, proxy: Option<String>) -> Settings {
    let mut settings = Settings::new(url, url, "me", SecretString::from("s"));
    settings.ca_file = ca.map(Path::to_owned);
    settings.proxy = proxy;
    settings
}

async fn answer(settings: &Settings) -> Reply {
    Client::new(settings).unwrap().inject(presence("{}")).await
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_only_when_its_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, other) = (folder.path().join("ca.pem"), folder.path().join("other.pem"));
    let address = organization(&["127.0.0.1", "localhost"], &ca).await;
    organization(&["127.0.0.1"], &other).await;
    let url = format!("https://localhost:{}", address.port());
    let accepted = Answer::Accepted { errors: Vec::new() };
    assert_eq!(answer(&settings(&url, Some(&ca), None)).await.answer, accepted);
    for wrong in [None, Some(other.as_path())] {
        let reply = answer(&settings(&url, wrong, None)).await;
        assert_eq!((&reply.answer, reply.status), (&Answer::RetryLater, None));
        assert!(reply.message.contains("certificate"), "{}", reply.message);
    }
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let address = organization(&["elsewhere.example.com"], &ca).await;
    let url = format!("https://localhost:{}", address.port());
    let reply = answer(&settings(&url, Some(&ca), None)).await;
    assert_eq!((&reply.answer, reply.status), (&Answer::RetryLater, None));
    assert!(reply.message.contains("certificate"), "{}", reply.message);
}

#[tokio::test]
async fn everything_goes_through_the_proxy_whose_host_alone_must_be_known() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let address = organization(&["api.invalid"], &ca).await;
    let (url, asked) = proxy(Some(address)).await;
    let reply = answer(&settings("https://api.invalid", Some(&ca), Some(url))).await;
    assert_eq!(reply.answer, Answer::Accepted { errors: Vec::new() });
    let asked = asked.lock().unwrap();
    assert!(
        asked.len() == 2
            && asked
                .iter()
                .all(|line| line == "CONNECT api.invalid:443 HTTP/1.1"),
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_proxy_that_lets_nobody_through_is_told_apart() {
    let (url, _) = proxy(None).await;
    let client = Client::new(&settings("https://api.invalid", None, Some(url))).unwrap();
    let reply = client.reach("https://api.invalid").await.unwrap_err();
    assert_eq!(reply.status, None);
    let lower = reply.message.to_lowercase();
    assert!(
        lower.contains("proxy") || lower.contains("tunnel"),
        "{}",
        reply.message
    );
}

#[tokio::test]
async fn any_answer_shows_that_the_way_is_open_and_tells_the_time() {
    let fake = fake(3600);
    fake.then(404, &[("date", "Sun, 06 Nov 1994 08:49:37 GMT")], "<html>");
    let settings = fake.clone().start().await;
    let client = Client::new(&settings).unwrap();
    let date = client.reach(&settings.api_url).await.unwrap();
    assert_eq!(date, crate::time::Time::parse("1994-11-06T08:49:37Z"));
    assert_eq!(fake.seen()[0].authorization, "", "no token");
}
