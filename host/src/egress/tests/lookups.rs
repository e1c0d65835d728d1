//! Names for which nobody answers.

use std::future::poll_fn;
use std::net::Ipv4Addr;
use std::sync::Condvar;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use toolhold_sandbox::capability::http::Answer;

use super::super::client::LOOKUPS_OF_ONE;
use super::super::lookup::Lookups;
use super::*;

/// Looks names up, of which one is not answered for until it is let go.
#[derive(Default)]
struct Names {
    is_let_go: Mutex<bool>,
    told: Condvar,
    asked: AtomicUsize,
}

impl Names {
    fn address(&self, name: &str) -> Vec<IpAddr> {
        if name == "silent.example" {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let held = self.told.wait_while(self.is_let_go.lock().unwrap(), |is_let_go| !*is_let_go);
            drop(held.unwrap());
        }
        vec![Ipv4Addr::LOCALHOST.into()]
    }
}

fn asks(component: &str, host: &str) -> EgressRequest {
    EgressRequest {
        component: Some(component.parse().unwrap()),
        target: Target::parse(Scheme::Http, host, "/").unwrap(),
        addresses: vec!["127.0.0.0/8".parse().unwrap()],
        ..request("/", &[])
    }
}

async fn begun(mut answer: Answer) -> Answer {
    assert!(poll_fn(|context| Poll::Ready(answer.as_mut().poll(context).is_pending())).await);
    answer
}

#[tokio::test]
async fn a_component_for_whose_names_nobody_answers_keeps_no_other_one_waiting() {
    let names = Arc::new(Names::default());
    let resolving = Arc::clone(&names);
    let lookups = Lookups::by(move |name| Ok(resolving.address(name)));
    let client = Client::with(SecretLookup::none(), Redactor::default(), lookups);
    // Whoever gives up takes nothing back of what the operating system does.
    for _ in 0..10 {
        let mut held = Vec::new();
        for _ in 0..32 {
            held.push(begun(client.send(asks("greedy", "silent.example:1"))).await);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    });
    let answer = client.send(asks("modest", &format!("quick.example:{port}")));
    let answer = tokio::time::timeout(Duration::from_secs(10), answer).await.expect("it waits for the other one");
    assert_eq!(answer.unwrap().status, 200);
    server.join().unwrap();
    assert_eq!(names.asked.load(Ordering::SeqCst), LOOKUPS_OF_ONE);
    *names.is_let_go.lock().unwrap() = true;
    names.told.notify_all();
    // What had waited is free again.
    let refused = client.send(asks("greedy", "silent.example:1")).await;
    assert!(matches!(refused, Err(EgressError::Connect(_))), "{refused:?}");
}
