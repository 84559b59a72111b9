use std::collections::BTreeMap;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::web::LONGEST_BODY;

/// A server that reads what one client says up to an empty line, answers with these bytes, and keeps the connection.
async fn server(answer: Vec<u8>) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = Vec::new();
        while !heard.windows(4).any(|part| part == b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut heard).await.unwrap(), 0, "the client went away");
        }
        // A client that has read enough hangs up.
        let _hung_up = stream.write_all(&answer).await;
        let _until_it_goes = stream.read(&mut [0; 1]).await;
        String::from_utf8(heard).unwrap()
    });
    (address, asked)
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

fn get(url: &str) -> Request {
    Request {
        method: "GET".to_owned(),
        url: url.to_owned(),
        connect: None,
        headers: BTreeMap::new(),
        headers_from: BTreeMap::new(),
        body: None,
        follow: 0,
        ca_file: None,
    }
}

fn client(proxies: Matcher) -> Client {
    Client::with_proxies(Clock::system(), proxies)
}

fn no_proxy() -> Client {
    client(Matcher::builder().build())
}

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_redirect_is_an_answer_and_a_body_is_cut() {
    let (address, asked) = server(answer("302 Found\r\nLocation: /there", &vec![b'x'; LONGEST_BODY + 10])).await;
    let mut request = get(&format!("http://{address}/health?deep=1"));
    request.headers.insert("x-release".to_owned(), "green".to_owned());
    let fetched = no_proxy().fetch(&request, SOON).await.unwrap();
    assert_eq!((fetched.status, fetched.header("location")), (302, Some("/there")));
    assert_eq!((fetched.body.len(), fetched.is_cut), (LONGEST_BODY, true));
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("GET /health?deep=1 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains(&format!("host: {address}\r\n")) && asked.contains("x-release: green\r\n"), "{asked}");
}

#[tokio::test]
async fn a_body_is_sent_and_the_address_may_be_another() {
    let (address, asked) = server(answer("201 Created", b"{}")).await;
    let request = Request {
        method: "POST".to_owned(),
        body: Some("{\"a\":1}".to_owned()),
        connect: Some(address.to_string()),
        ..get("http://api.shop.example/session")
    };
    assert_eq!(no_proxy().fetch(&request, SOON).await.unwrap().status, 201);
    let asked = asked.await.unwrap();
    assert!(asked.contains("host: api.shop.example\r\n") && asked.contains("content-length: 7\r\n"), "{asked}");
}

#[tokio::test]
async fn why_there_is_no_answer_is_told_apart() {
    let client = no_proxy();
    let (garbage, _asked) = server(b"SSH-2.0-OpenSSH_9.9\r\n\r\n".to_vec()).await;
    let lost = client.fetch(&get(&format!("http://{garbage}/")), SOON).await.unwrap_err();
    assert!(matches!(lost, NoAnswer::Lost(_)), "{lost}");
    let (silent, _asked) = server(Vec::new()).await;
    let brief = Duration::from_millis(50);
    let late = client.fetch(&get(&format!("http://{silent}/")), brief).await.unwrap_err();
    assert_eq!(late, NoAnswer::TimedOut(brief));
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refused = client.fetch(&get(&format!("http://{closed}/")), SOON).await.unwrap_err();
    assert_eq!(refused, NoAnswer::Refused(closed.to_string()));
    let nobody = Client::within(Clock::system(), Vec::new(), |_, _| None);
    let unknown = nobody.fetch(&get("https://nobody.example/"), SOON).await.unwrap_err();
    assert_eq!(unknown, NoAnswer::NoSuchHost("nobody.example".to_owned()));
    for url in ["/health", "green", "ftp://green/", "http://"] {
        let error = client.fetch(&get(url), SOON).await.unwrap_err();
        assert!(matches!(error, NoAnswer::Impossible(_)), "{url}: {error}");
    }
}

#[tokio::test]
async fn what_does_not_speak_tls_is_not_asked() {
    let (plain, asked) = server(answer("400 Bad Request", b"")).await;
    let request = get(&format!("https://{plain}/"));
    // It waits for an empty line that a handshake does not have, so the client gives up.
    let late = no_proxy().fetch(&request, Duration::from_millis(100)).await.unwrap_err();
    assert_eq!(late, NoAnswer::TimedOut(Duration::from_millis(100)));
    asked.abort();
}

#[tokio::test]
async fn authorities_that_cannot_be_read_are_said_to_be() {
    let (address, _asked) = server(Vec::new()).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    let request = |file: &std::path::Path| Request {
        ca_file: Some(file.display().to_string()),
        ..get(&format!("https://{address}/"))
    };
    let missing = no_proxy().fetch(&request(&file), SOON).await.unwrap_err();
    assert!(missing.to_string().contains("cannot be used: No such file"), "{missing}");
    std::fs::write(&file, "no certificate").unwrap();
    let (address, _asked) = server(Vec::new()).await;
    let request = Request { url: format!("https://{address}/"), ..request(&file) };
    let empty = no_proxy().fetch(&request, SOON).await.unwrap_err();
    assert!(empty.to_string().contains("it has no certificate"), "{empty}");
}

#[tokio::test]
async fn proxies_are_told_the_whole_url_or_asked_for_a_way() {
    let (proxy, asked) = server(answer("200 OK", b"{}")).await;
    let through = client(Matcher::builder().all(format!("http://captain:pw@{proxy}")).no("direct.example").build());
    assert_eq!(through.fetch(&get("http://green.example/a?b"), SOON).await.unwrap().status, 200);
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("GET http://green.example/a?b HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("proxy-authorization: Basic "), "{asked}");

    let (proxy, asked) = server(answer("403 Forbidden", b"")).await;
    let through = client(Matcher::builder().all(format!("http://{proxy}")).build());
    let refused = through.fetch(&get("https://green.example/"), SOON).await.unwrap_err();
    let wanted = NoAnswer::Unreachable {
        address: "green.example:443".to_owned(),
        reason: "the proxy answers 403 Forbidden".to_owned(),
    };
    assert_eq!(refused, wanted);
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("CONNECT green.example:443 HTTP/1.1\r\nhost: green.example:443\r\n"), "{asked}");
}
