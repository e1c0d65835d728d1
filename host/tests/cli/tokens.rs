//! Tokens of a server, as an operator makes and revokes them.

use std::os::unix::fs::PermissionsExt as _;

use crate::project::{MANIFEST, Project};

#[test]
fn a_token_is_shown_once_listed_without_its_text_and_revoked() {
    let project = Project::new(MANIFEST);
    project.run(&["tokens", "list"]).worked(&["there are no tokens"]);
    let made = project.run(&["tokens", "create", "ci", "--role", "run", "--expires", "30d"]);
    let token = made.printed().trim().to_owned();
    assert!(token.starts_with("th_") && made.said().contains("only time"), "{}", made.said());
    let listed = project.run(&["tokens", "list", "--json"]).printed();
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(
        (&listed[0]["name"], &listed[0]["role"], &listed[0]["valid"]),
        (&"ci".into(), &"run".into(), &true.into())
    );
    let kept = project.read(".toolhold/tokens.toml");
    assert!(kept.contains("sha256:") && !kept.contains(&token) && !kept.contains("th_"), "{kept}");
    project.run(&["tokens", "create", "ci", "--role", "admin"]).failed(3, &["there is a token `ci` already"]);
    project.run(&["tokens", "create", "Us", "--role", "admin"]).failed(2, &["a token's name is"]);
    project.run(&["tokens", "create", "us", "--role", "root"]).failed(2, &["a role is `observe`"]);
    project.run(&["tokens", "create", "us"]).failed(2, &["--role"]);
    project.run(&["tokens", "revoke", "ci"]).worked(&["revoked: ci"]);
    project.run(&["tokens", "revoke", "ci"]).failed(3, &["there is no token `ci`", "tokens list"]);
}

#[test]
fn a_file_of_tokens_that_others_can_write_is_not_used() {
    let project = Project::new(MANIFEST);
    project.run(&["tokens", "create", "ci", "--role", "run"]).worked(&["th_"]);
    let file = project.path().join(".toolhold/tokens.toml");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    project.run(&["tokens", "list"]).failed(3, &["can be written by others", "chmod 600"]);
    project.run(&["tokens", "create", "b", "--role", "run"]).failed(3, &["can be written by others"]);
    std::fs::set_permissions(project.path().join(".toolhold"), std::fs::Permissions::from_mode(0o777)).unwrap();
    project.run(&["tokens", "list"]).failed(13, &["can be written by others", "chmod 700"]);
}
