//! What a caller may do, and what includes what.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Read: runs, calls, health, audit.
    Observe,
    /// Also call tools, start and cancel runs. Not: decide approvals.
    Run,
    /// Also decide approvals. Not: call tools, so that nobody answers their own question.
    Approve,
    /// Everything that is served.
    Admin,
}

impl Role {
    /// All of them, the smallest first.
    pub const ALL: [Self; 4] = [Self::Observe, Self::Run, Self::Approve, Self::Admin];

    /// What each includes. `Run` and `Approve` include neither the other.
    const fn includes(self) -> &'static [Self] {
        match self {
            Self::Observe => &[Self::Observe],
            Self::Run => &[Self::Observe, Self::Run],
            Self::Approve => &[Self::Observe, Self::Approve],
            Self::Admin => &[Self::Observe, Self::Run, Self::Approve, Self::Admin],
        }
    }

    /// Whether who has this role may do what needs `needed`.
    #[must_use]
    pub fn has(self, needed: Self) -> bool {
        self.includes().contains(&needed)
    }

    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Run => "run",
            Self::Approve => "approve",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| "a role is `observe`, `run`, `approve` or `admin`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_roles() {
        use Role::{Admin, Approve, Observe, Run};
        let table = [
            (Observe, [true, false, false, false]),
            (Run, [true, true, false, false]),
            (Approve, [true, false, true, false]),
            (Admin, [true, true, true, true]),
        ];
        for (role, expected) in table {
            for (needed, may) in [Observe, Run, Approve, Admin].into_iter().zip(expected) {
                assert_eq!(role.has(needed), may, "{role} asked for {needed}");
            }
        }
    }

    #[test]
    fn a_role_is_read_as_it_is_written() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse::<Role>().unwrap(), role);
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        assert!("Admin".parse::<Role>().unwrap_err().contains("`approve`"));
    }
}
