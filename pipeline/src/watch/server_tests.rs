//! Real HTTP over the loopback.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Instant,
};

use super::*;
use crate::watch::ProcessPhase;

fn server() -> (Server, Arc<Watch>) {
    let watch = Watch::new("abc", Duration::from_millis(300));
    (serve("127.0.0.1:0", Arc::clone(&watch)).expect("a port"), watch)
}

/// What comes back, until the other side closes.
fn send(server: &Server, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(15))).expect("a timeout");
    // The other side may have closed before all was sent.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(server: &Server, path: &str) -> (u16, String) {
    let answer = send(server, format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer)
}

#[test]
fn metrics_and_probes_are_answered() {
    let (server, watch) = server();
    let (status, answer) = get(&server, "/metrics");
    assert_eq!(status, 200);
    assert!(answer.contains("content-type: application/openmetrics-text") && answer.ends_with("# EOF\n"), "{answer}");
    assert!(answer.contains("weir_config_info{digest=\"abc\"} 1"), "{answer}");

    let (status, answer) = get(&server, "/readyz?verbose");
    assert!(status == 503 && answer.contains(r#""phase":"restoring","done":0,"of":0"#), "{answer}");
    watch.phase(ProcessPhase::Active);
    assert_eq!(get(&server, "/readyz").0, 200);

    assert_eq!(get(&server, "/livez").0, 200);
    std::thread::sleep(Duration::from_millis(400));
    let (status, answer) = get(&server, "/livez");
    assert!(status == 503 && answer.contains("the loop has not moved"), "{answer}");
    let waiting = watch.waiting("commit");
    assert_eq!(get(&server, "/livez").0, 200);
    drop(waiting);
    assert_eq!(get(&server, "/livez").0, 200);
    assert_eq!(get(&server, "/").0, 404);
    assert!(send(&server, b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n").ends_with("\r\n\r\n"), "a body for HEAD");
}

#[test]
fn hostile_requests_are_refused() {
    let (server, _watch) = server();
    let refused = [
        (b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\nabc".to_vec(), "405"),
        (b"\x00\xff\xfe\r\n\r\n".to_vec(), "400"),
        (b"GET /metrics HTTP/9.9\r\n\r\n".to_vec(), ""),
        ([b"GET /".to_vec(), vec![b'a'; 100_000], b" HTTP/1.1\r\n\r\n".to_vec()].concat(), ""),
        ([b"GET / HTTP/1.1\r\nx: ".to_vec(), vec![b'a'; 100_000], b"\r\n\r\n".to_vec()].concat(), ""),
        ([b"GET / HTTP/1.1\r\n".to_vec(), b"a: b\r\n".repeat(1_000), b"\r\n".to_vec()].concat(), ""),
    ];
    for (request, status) in refused {
        let answer = send(&server, &request);
        assert!(!answer.contains(" 200 ") && answer.contains(status), "{answer:?} to {:?}", &request[..20.min(request.len())]);
        assert!(answer.len() < 1_000, "{answer}");
    }
    assert_eq!(get(&server, "/metrics").0, 200, "still there");
}

#[test]
fn idle_connections_give_way_to_a_probe() {
    let (server, watch) = server();
    watch.phase(ProcessPhase::Active);
    let connect = |half: &[u8]| {
        let mut stream = TcpStream::connect(server.address()).expect("a connection");
        stream.write_all(half).expect("sent");
        stream
    };
    let idle: Vec<_> = (0..6 * CONNECTIONS_MAX).map(|n| connect(if n % 2 == 0 { b"" } else { b"GET /metr" })).collect();
    let begun = Instant::now();
    assert_eq!(get(&server, "/readyz").0, 200);
    // Were each of them waited for, it would take twice as long.
    assert!(begun.elapsed() < 3 * HEAD_TIME, "{:?}", begun.elapsed());
    drop(idle);
}

#[test]
fn a_port_that_is_taken_is_named_and_dropping_gives_it_back() {
    let (server, watch) = server();
    let address = server.address().to_string();
    let error = serve(&address, Arc::clone(&watch)).expect_err("taken").to_string();
    assert!(error.contains(&address) && error.contains("/metrics"), "{error}");
    assert!(serve("nonsense", Arc::clone(&watch)).is_err());
    // Somebody who has connected and says nothing does not keep it.
    let _idle = TcpStream::connect(&address).expect("a connection");
    drop(server);
    assert!(TcpStream::connect(&address).is_err(), "still listening");
    assert!(serve(&address, watch).is_ok());
}
