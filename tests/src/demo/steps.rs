//! What to try, and what one will see.

use super::{Demo, near};

/// One command of the demo.
#[derive(Clone, Debug)]
pub struct Step {
    pub topic: Topic,
    /// What it shows.
    pub says: String,
    /// For a shell.
    pub line: String,
    pub expected: Expected,
}

/// How a command ends, with a text that its output must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    Works(&'static str),
    Fails(&'static str),
}

/// Which program a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    Curl,
    Skopeo,
    Docker,
    Edit,
}

impl Topic {
    pub const ALL: [Self; 4] = [Self::Curl, Self::Skopeo, Self::Docker, Self::Edit];

    pub fn title(self) -> &'static str {
        match self {
            Self::Curl => "The protocol, by hand",
            Self::Skopeo => "skopeo, which needs no daemon",
            Self::Docker => "docker, with a daemon on this machine",
            Self::Edit => "A change of the rules",
        }
    }
}

impl Demo {
    /// All commands, in an order in which they work.
    pub fn steps(&self) -> Vec<Step> {
        [self.curl(), self.skopeo(), self.docker(), self.edit()].concat()
    }

    fn curl(&self) -> Vec<Step> {
        let url = self.envoy.url();
        let token = |account: &str| {
            format!("curl -s {account}'{url}/token?service=registry&scope=repository:team/app:pull,push'")
        };
        let step = |says: &str, line: String, text| Step {
            topic: Topic::Curl,
            says: says.to_owned(),
            line,
            expected: Expected::Works(text),
        };
        vec![
            step(
                "The registry says where to get a token",
                format!("curl -si {url}/v2/"),
                "Bearer realm=",
            ),
            step("ada gets one", token("-u ada:lovelace "), "\"access_token\""),
            step("A wrong password gets none", token("-u ada:wrong "), "UNAUTHORIZED"),
            step(
                "Nobody gets one too, which opens nothing",
                token(""),
                "\"access_token\"",
            ),
            step("Prometheus sees", self.scrape(), "registry_auth_token_requests{"),
        ]
    }

    fn scrape(&self) -> String {
        format!(
            "curl -s {} | grep ^registry_auth",
            self.envoy.admin_url("/stats/prometheus")
        )
    }

    fn skopeo(&self) -> Vec<Step> {
        use Expected::{Fails, Works};

        let image = near(&self.image.layout());
        let at = self.envoy.address();
        let push = |account: &str, name: &str| {
            format!(
                "skopeo copy --dest-tls-verify=false --dest-creds {account} oci:{image}:latest docker://{at}/{name}:1"
            )
        };
        let look =
            |account: &str, name: &str| format!("skopeo inspect --tls-verify=false {account} docker://{at}/{name}:1");
        let step = |says: &str, line, expected| Step {
            topic: Topic::Skopeo,
            says: says.to_owned(),
            line,
            expected,
        };
        vec![
            step(
                "ada pushes into her own folder,",
                push("ada:lovelace", "ada/app"),
                Works(""),
            ),
            step("for the team", push("ada:lovelace", "team/app"), Works("")),
            step("and for everybody", push("ada:lovelace", "public/app"), Works("")),
            step(
                "bob reads what the team writes",
                look("--creds bob:builder", "team/app"),
                Works("\"Digest\""),
            ),
            step(
                "but not what is ada's",
                look("--creds bob:builder", "ada/app"),
                Fails(DENIED),
            ),
            step("and writes nothing", push("bob:builder", "team/app"), Fails(DENIED)),
            step(
                "Without a login one reads what is public",
                look("--no-creds", "public/app"),
                Works("\"Digest\""),
            ),
            step("and nothing else", look("--no-creds", "team/app"), Fails(DENIED)),
        ]
    }

    fn docker(&self) -> Vec<Step> {
        use Expected::{Fails, Works};

        let at = self.envoy.address();
        let layer = near(&self.image.layer());
        let step = |says: &str, line, expected| Step {
            topic: Topic::Docker,
            says: says.to_owned(),
            line,
            expected,
        };
        let login = |account: &str, password: &str| {
            format!("echo {password} | docker login --username {account} --password-stdin {at}")
        };
        let (own, team) = (format!("{at}/ada/hello:1"), format!("{at}/team/app:1"));
        vec![
            step(
                "A wrong password is refused",
                login("ada", "wrong"),
                Fails("unauthorized"),
            ),
            step("ada logs in", login("ada", "lovelace"), Works("Login Succeeded")),
            step(
                "She makes an image",
                format!("docker import {layer} {own}"),
                Works("sha256:"),
            ),
            step("and pushes it", format!("docker push {own}"), Works("digest: sha256:")),
            step(
                "and pulls what skopeo pushed",
                format!("docker pull {team}"),
                Works("Digest: sha256:"),
            ),
            step("bob logs in", login("bob", "builder"), Works("Login Succeeded")),
            step(
                "and cannot pull what is hers",
                format!("docker pull {own}"),
                Fails("denied"),
            ),
            step(
                "The image goes, and so do the credentials",
                format!("docker logout {at}; docker rmi {own} {team}"),
                Works("Untagged: "),
            ),
        ]
    }

    fn edit(&self) -> Vec<Step> {
        let file = near(&self.file);
        let rule = "comment: bob reads what the team writes";
        let line = format!("sed -i 's/actions: \\[pull\\], {rule}/actions: [pull, push], {rule}/' {file}");
        let again = self.skopeo().into_iter().find(|step| step.says == "and writes nothing");
        let changed = Step {
            topic: Topic::Edit,
            says: "bob may write for the team".to_owned(),
            line,
            expected: Expected::Works(""),
        };
        let again = again.map(|step| Step {
            topic: Topic::Edit,
            says: "and now he does".to_owned(),
            expected: Expected::Works(""),
            ..step
        });
        std::iter::once(changed).chain(again).collect()
    }
}

/// What registries and clients say where a token is good but does not reach so far.
const DENIED: &str = "denied";
