//! Names and numbers that must not be mixed up.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

name! {
    /// An environment of the configuration: `production`.
    EnvironmentName
}
name! {
    /// A component of the configuration: `api`.
    ComponentName
}
name! {
    /// A stage of a pipeline: `migrate`.
    StageName
}
name! {
    /// A signal: `errors`, `latency-p99`.
    SignalName
}
name! {
    /// A CloudWatch alarm's name.
    AlarmName
}
name! {
    /// The ARN of one task-definition revision.
    TaskDefinitionArn
}
name! {
    /// A task of ECS by its id, the last part of its ARN.
    TaskId
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

number! {
    /// A release's number in its journal, from 1 up.
    ReleaseId
}
number! {
    /// How often a release has changed in a way that matters to whoever steers it. A command carries the revision its
    /// sender saw.
    Revision
}
number! {
    /// One effect of a release, from 1 up in the order asked for.
    EffectId
}

impl Revision {
    /// The revision after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A version of a component: the image reference that its containers run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub String);

impl TaskDefinitionArn {
    /// `api:43` of the whole.
    pub fn short(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl Version {
    /// The digest that the reference names, `sha256:` and its digits.
    pub fn digest(&self) -> Option<&str> {
        let (_, digest) = self.0.rsplit_once('@')?;
        let digits = digest.strip_prefix("sha256:")?;
        (digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(digest)
    }

    /// The image of this digest in the same repository.
    #[must_use]
    pub fn at(&self, digest: &str) -> Self {
        let name = self.0.split_once('@').map_or(self.0.as_str(), |(name, _)| name);
        // A colon before the last slash is that of a port.
        let path = name.rfind('/').map_or(0, |slash| slash + 1);
        let tag = name.get(path..).and_then(|last| last.find(':')).map(|colon| path + colon);
        let repository = tag.and_then(|tag| name.get(..tag)).unwrap_or(name);
        Self(format!("{repository}@{digest}"))
    }

    /// The part an operator tells versions apart by: the tag, or the first seven characters of the digest.
    pub fn short(&self) -> &str {
        let reference = self.0.as_str();
        if let Some((_, digest)) = reference.rsplit_once("@sha256:") {
            return digest.get(..7).unwrap_or(digest);
        }
        let name = reference.rsplit('/').next().unwrap_or(reference);
        match name.rsplit_once(':') {
            Some((_, tag)) => tag,
            None => name,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}

/// Who serves production now, and what is being released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// What served when the release began.
    Blue,
    /// What is being released.
    Green,
}

impl Side {
    /// Both, blue first.
    pub const BOTH: [Self; 2] = [Self::Blue, Self::Green];

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Blue => Self::Green,
            Self::Green => Self::Blue,
        }
    }

    /// `blue` or `green`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Green => "green",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_told_from_a_tag_and_takes_its_place() {
        let digest = format!("sha256:{}", "4f".repeat(32));
        let at = |image: &str| Version(image.to_owned()).at(&digest).0;
        assert_eq!(at("registry:5000/team/api:1.2"), format!("registry:5000/team/api@{digest}"));
        assert_eq!(at("registry:5000/api"), format!("registry:5000/api@{digest}"));
        assert_eq!(at("api:1@sha256:00"), format!("api@{digest}"));
        assert_eq!(Version(at("api:1")).digest(), Some(digest.as_str()));
        for other in ["api:1", "api@sha256:4f2c1e9", "api"] {
            assert_eq!(Version(other.to_owned()).digest(), None, "{other}");
        }
    }

    #[test]
    fn a_version_is_known_by_its_tag_or_the_start_of_its_digest() {
        let short = |image: &str| Version(image.to_owned()).short().to_owned();
        assert_eq!(short("123.dkr.ecr.eu-west-1.amazonaws.com/api:9ab03d7"), "9ab03d7");
        assert_eq!(short("registry:5000/api"), "api");
        assert_eq!(short("api@sha256:4f2c1e9aa0"), "4f2c1e9");
        assert_eq!(short("api:1.2@sha256:ab"), "ab");
    }
}
