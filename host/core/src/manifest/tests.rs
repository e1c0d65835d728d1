//! Rules of the validated form that no `.toml` and `.err` pair shows.

use std::path::Path;

use super::keys::TABLES;
use super::*;

fn parse(text: &str) -> Result<Manifest, Errors> {
    Manifest::parse(text, "toolhold.toml", Path::new("/base"))
}

#[test]
fn each_key_of_the_table_is_a_key_of_the_wire_form_and_no_other() {
    let listed = |error: String| {
        let words = error.split("expected").nth(1).unwrap_or_default().split('`').skip(1).step_by(2).map(str::to_owned);
        words.collect::<std::collections::BTreeSet<_>>()
    };
    let wire = [
        toml::from_str::<v1::Manifest>("zz = 1").map(drop),
        toml::from_str::<v1::Component>("zz = 1").map(drop),
        toml::from_str::<v1::Directory>("zz = 1").map(drop),
        toml::from_str::<v1::Http>("zz = 1").map(drop),
        toml::from_str::<v1::SecretUse>("zz = 1").map(drop),
        toml::from_str::<v1::Secret>("zz = 1").map(drop),
        toml::from_str::<v1::Signer>("zz = 1").map(drop),
        toml::from_str::<v1::Rule>("zz = 1").map(drop),
        toml::from_str::<v1::Tool>("zz = 1").map(drop),
        toml::from_str::<v1::Fallback>("zz = 1").map(drop),
        toml::from_str::<v1::Command>("zz = 1").map(drop),
        toml::from_str::<v1::Clients>("zz = 1").map(drop),
        toml::from_str::<v1::Model>("zz = 1").map(drop),
        toml::from_str::<v1::Prices>("zz = 1").map(drop),
        toml::from_str::<v1::Approvals>("zz = 1").map(drop),
        toml::from_str::<v1::Webhook>("zz = 1").map(drop),
    ];
    for (table, result) in TABLES.iter().zip(wire) {
        let known: std::collections::BTreeSet<_> = table.keys.iter().map(|key| key.name.to_owned()).collect();
        assert_eq!(listed(result.unwrap_err().message().to_owned()), known, "{}", table.name);
    }
}

#[test]
fn a_manifest_that_is_too_large_is_not_parsed() {
    let errors = parse(&format!("version = 1\n{}", "#".repeat(MAX_BYTES))).unwrap_err();
    assert_eq!(errors.problems().iter().map(|problem| problem.code).collect::<Vec<_>>(), [Code::TooLarge]);
}

#[test]
fn deep_nesting_is_an_error_and_not_a_full_stack() {
    for text in
        [format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000)), format!("{}a = 1", "a.".repeat(100_000))]
    {
        assert!(parse(&text).unwrap_err().problems().iter().all(|problem| problem.code == Code::Syntax));
    }
}

#[test]
fn paths_are_joined_without_looking_at_them() {
    let text = "version = 1\n[tools.a]\nsource = \"./x/./a.wasm\"\n[tools.b]\nsource = \"/abs/../b.wasm\"\n[[tools.b.directories]]\nhost = \"../up\"\nguest = \"/up\"";
    let manifest = parse(text).unwrap();
    let paths: Vec<_> = manifest.host_paths().map(|path| (path.path.display().to_string(), path.kind)).collect();
    let expected = [
        ("/base/x/a.wasm", HostPathKind::Component),
        ("/abs/../b.wasm", HostPathKind::Component),
        ("/base/../up", HostPathKind::Directory),
    ];
    assert_eq!(paths, expected.map(|(path, kind)| (path.to_owned(), kind)));
}

#[test]
fn limits_of_a_component_win_over_those_of_all_which_win_over_the_default() {
    let text = "version = 1\n[limits]\nfuel = 7\ntime = \"2s\"\n[tools.a]\nsource = \"a\"\nlimits = { fuel = \"9k\" }\n[tools.b]\nsource = \"b\"";
    let manifest = parse(text).unwrap();
    let limit = |component: &str, limit| {
        manifest.components()[&component.parse::<ComponentName>().unwrap()].limits.limits.get(limit)
    };
    assert_eq!((limit("a", Limit::Fuel), limit("b", Limit::Fuel)), (9_000, 7));
    assert_eq!((limit("a", Limit::Time), limit("a", Limit::Memory)), (2_000_000, Limit::Memory.spec().default));
}

#[test]
fn what_the_host_finds_is_told_like_everything_else() {
    let manifest = parse("version = 1\n[tools.a]\nsource = \"a.wasm\"").unwrap();
    assert!(manifest.complain(Vec::new()).is_ok());
    let span = manifest.host_paths().next().unwrap().span.clone();
    let errors = manifest.complain(vec![Problem::new(Code::Host, &span, "there is no such file")]).unwrap_err();
    assert_eq!(errors.problems()[0].to_string(), "there is no such file");
    assert_eq!(manifest.source().line(&span).to_string(), "toolhold.toml:3");
}

#[test]
fn run_and_host_bounds_are_read() {
    let manifest =
        parse("version = 1\n[run]\nmax-time = \"1min\"\n[host]\nmax-queue = 0\nundo-age = \"2d\"\nundo-bytes = 0")
            .unwrap();
    assert_eq!(*manifest.run(), RunLimits { max_time: 60_000_000, ..RunLimits::default() });
    assert_eq!(
        *manifest.host(),
        HostLimits { max_queue: 0, undo_age: 172_800_000_000, undo_bytes: 0, ..HostLimits::default() }
    );
}

#[test]
fn the_example_of_the_reference_page_is_a_manifest() {
    let page = include_str!("../../../../docs/manifest.md");
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(parse(example).unwrap().rules().len(), 3);
}

/// `TOOLHOLD_BLESS=1` writes the generated part of each page.
#[test]
fn the_reference_pages_have_each_key() {
    page("manifest.md", &reference(), &TABLES);
    page("cases.md", &cases_reference(), &super::cases::TABLES);
}

#[expect(clippy::disallowed_methods, reason = "whether the page is written or compared is asked of the environment")]
fn page(name: &str, reference: &str, tables: &[&'static super::keys::Table]) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    let text = std::fs::read_to_string(&page).unwrap();
    let (begin, end) = ("<!-- generated: begin -->\n", "<!-- generated: end -->");
    let (head, rest) = text.split_once(begin).unwrap();
    let (generated, tail) = rest.split_once(end).unwrap();
    if std::env::var_os("TOOLHOLD_BLESS").is_some() {
        std::fs::write(&page, format!("{head}{begin}{reference}{end}{tail}")).unwrap();
        return;
    }
    assert_eq!(generated, reference, "TOOLHOLD_BLESS=1 writes it");
    for key in tables.iter().flat_map(|table| table.keys) {
        assert!(text.contains(&format!("| `{}` |", key.name)), "{}", key.name);
    }
}

#[test]
fn the_example_of_the_page_about_cases_is_a_case_file() {
    let page = include_str!("../../../../docs/cases.md");
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(super::cases::Cases::parse(example, "cases.toml").unwrap().cases.len(), 2);
}
