//! Lists of what may be large: enough of each to know it, and no more than a page can hold.

use super::support::{Served, asked};
use crate::access::Role;
use crate::journal::ApprovalFilter;

/// Three questions, the arguments of each about so many bytes long.
async fn questions(served: &Served, bytes: usize) {
    for name in ["ap-1", "ap-2", "ap-3"] {
        let arguments = format!(r#"{{"begin":"{name}","text":"{}","end":"last-word"}}"#, "word ".repeat(bytes / 5));
        asked(served, name, "texts", (&arguments, r#"{"basis":"observed"}"#)).await;
    }
    served.journal().flush().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_are_counted_and_listed_by_the_beginning_of_their_arguments() {
    let served = Served::new().await;
    questions(&served, 100_000).await;
    let browser = served.log_in("ops", Role::Approve).await;
    let page = browser.get("/health").await.body;
    assert!(page.contains(r#"<span class="count">3<span"#), "{page}");
    let page = browser.get("/approvals").await.body;
    assert!(page.contains("ap-1") && page.contains("w…<") && !page.contains("last-word"), "{page}");
    assert!(browser.get("/approvals/ap-1").await.body.contains("last-word"), "the page of one has all of it");
    let shown = ApprovalFilter { beginning: 100, ..ApprovalFilter::default() };
    for approval in served.journal().reader().unwrap().approvals(&shown).unwrap() {
        assert!(approval.arguments.len() < 110 && approval.arguments.ends_with('…'), "{}", approval.arguments);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_approvals_ends_when_it_has_enough_bytes_and_the_next_one_goes_on() {
    let served = Served::new().await;
    questions(&served, 100_000).await;
    let reader = served.journal().reader().unwrap();
    for (bytes, sizes) in [(0, vec![3]), (1, vec![1, 1, 1]), (250_000, vec![2, 1]), (1 << 20, vec![3])] {
        let (mut found, mut pages, mut before) = (Vec::new(), Vec::new(), None);
        loop {
            let filter = ApprovalFilter { bytes, before, ..ApprovalFilter::default() };
            let page = reader.approvals(&filter).unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.id.clone());
            pages.push(page.len());
            found.extend(page.into_iter().map(|approval| approval.id.to_string()));
        }
        assert_eq!((pages, found), (sizes, vec!["ap-3".to_owned(), "ap-2".to_owned(), "ap-1".to_owned()]), "{bytes}");
    }
}
