//! What has to be said of a request as a whole: who it is that asks, and what was taken for granted.

use registry_auth_core::acl::explain::{Condition, Explanation, Judged};
use registry_auth_core::decide::USERS;
use registry_auth_core::time::Timestamp;

use super::super::shown::quoted;
use super::Answered;
use super::audit_line::Recorded;
use super::question;

/// How many characters of an etag are told, as in the audit log.
const ETAG_CHARACTERS: usize = 8;

impl Answered<'_> {
    /// What is said beside what was decided of each scope.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        match &self.question.recorded {
            Some(recorded) => self.of_the_record(recorded, &mut notes),
            None => notes.extend(self.of_the_account()),
        }
        notes.extend(self.of_the_address());
        notes.extend(self.of_the_service());
        notes
    }

    /// The keys of the back-ends that know accounts, as in ``` `ext_auth` and `http_auth` ```.
    fn authenticators(&self) -> String {
        quoted(&self.rulebook.authenticators()).join(" or ")
    }

    fn of_the_account(&self) -> Option<String> {
        let account = &self.question.identity.account;
        let named = if account.is_anonymous() {
            "the anonymous account, `\"\"`,".to_owned()
        } else {
            format!("account `{account}`")
        };
        if let Some(user) = question::user(self.rulebook, account) {
            let is_locked = user.password.as_ref().is_some_and(|hash| hash.expose().is_empty());
            return is_locked.then(|| {
                format!("{named} has `password: \"\"`, so nobody signs in as it; explained as if somebody had")
            });
        }
        let labels = if self.question.identity.labels.iter().next().is_none() {
            "without labels; --claim adds one as a back-end would deliver it"
        } else {
            "with the labels given"
        };
        Some(if self.rulebook.asks.accounts {
            format!(
                "{named} is no static user of this file; explained as if {} had accepted it, {labels}",
                self.authenticators()
            )
        } else if account.is_anonymous() {
            format!(
                "{named} is not in `users`, so a request without credentials is refused; explained as if it were, {labels}"
            )
        } else {
            format!(
                "{named} is no static user of this file, which names no back-end that could know it: with this file nobody \
                 signs in as it; explained as if a back-end had accepted it, {labels}"
            )
        })
    }

    /// Nobody said from where, and a rule wanted to know.
    fn of_the_address(&self) -> Option<String> {
        let has_condition = |index: usize| {
            let rule = self.rulebook.rules.get(index);
            rule.is_some_and(|rule| rule.matches.ip.is_some())
        };
        let rules = self.deciding_by(&Condition::Ip, has_condition);
        (self.question.assumed.address && !rules.is_empty()).then(|| {
            format!(
                "no --ip was given, so {} was taken for the client's address, which matters to {}",
                self.question.address,
                rules.join(", ")
            )
        })
    }

    fn of_the_service(&self) -> Option<String> {
        let service = &self.question.service;
        let served = self.rulebook.services.as_deref().unwrap_or_default();
        let served = served
            .iter()
            .map(|service| format!("`{service}`"))
            .collect::<Vec<_>>()
            .join(", ");
        if self.question.is_refused_service(self.rulebook) {
            return Some(format!(
                "service `{service}` is not among `services` of this file, {served}: a request for it is refused, whatever the \
                 rules say"
            ));
        }
        let has_condition = |index: usize| {
            let rule = self.rulebook.rules.get(index);
            rule.is_some_and(|rule| rule.matches.service.is_some())
        };
        let rules = self.deciding_by(&Condition::Service, has_condition);
        (self.question.assumed.service && !rules.is_empty()).then(|| {
            let taken = if service.as_str().is_empty() {
                "the request was taken to name none".to_owned()
            } else {
                format!("`{service}` was taken, the first of {served}")
            };
            format!(
                "no --service was given, so {taken}, which matters to {}; give the one that the registry has as \
                 `auth.token.service`",
                rules.join(", ")
            )
        })
    }

    /// The rules, as `acl[2]`, whose outcome hangs on this condition: it alone fails, or it holds and the rule decides.
    fn deciding_by(&self, condition: &Condition, has_condition: impl Fn(usize) -> bool) -> Vec<String> {
        let mut indices: Vec<usize> = Vec::new();
        for explanation in &self.explanations {
            let alone = explanation.passed().iter().filter(|judged| {
                let mut failures = judged.failures().iter();
                failures.all(|failure| failure.condition == *condition)
            });
            let decider = explanation.decider().into_iter();
            let decider = decider.filter(|judged| has_condition(judged.index));
            indices.extend(alone.chain(decider).map(|judged| judged.index));
        }
        indices.sort_unstable();
        indices.dedup();
        indices.into_iter().map(|index| format!("acl[{index}]")).collect()
    }

    fn of_the_record(&self, recorded: &Recorded, notes: &mut Vec<String>) {
        if !recorded.is_issued() {
            notes.push(format!(
                "no rule was asked for this line: its result is `{}`; explained is what the rules would have granted",
                recorded.result
            ));
        }
        notes.push(self.of_the_file(recorded));
        if recorded.labels_are_cut {
            notes.push(
                "the line has no room for all labels of the account (`labels_cut`); a rule that looks at others was judged \
                 without them"
                    .to_owned(),
            );
        }
        let account = &recorded.identity.account;
        let is_user = question::user(self.rulebook, account).is_some();
        match recorded.backend.as_deref() {
            Some(USERS) if !is_user => notes.push(format!(
                "account `{account}` was a static user then, and is none of this file"
            )),
            Some(USERS) | None => {}
            Some(backend) => notes.push(format!(
                "account `{account}` was let in by `{backend}`, with the labels that the line has"
            )),
        }
    }

    /// Whether the file is the one that decided.
    fn of_the_file(&self, recorded: &Recorded) -> String {
        let alike = recorded.is_issued() && recorded.is_as_explained(self);
        let outcome = match (recorded.is_issued(), alike) {
            (false, _) => "",
            (true, true) => "; it decides alike, by the same rules",
            (true, false) => "; it decides otherwise, so what is told here does not explain that decision",
        };
        let since = Timestamp::from_seconds(recorded.generation / 1_000);
        let here = self.rulebook.etag.as_deref();
        let here = here.map(|etag| etag.get(..ETAG_CHARACTERS).unwrap_or(etag));
        match (recorded.etag.as_deref(), here) {
            (Some(then), Some(here)) if then == here => {
                format!("this file is the one that decided, by its etag `{here}`{outcome}")
            }
            (Some(then), Some(here)) => format!(
                "by its etag this file is another one than decided: `{here}` here, and `{then}` in the line, in force since \
                 {since} (a filter without `registry-auth`, or another release, has other etags for the same){outcome}"
            ),
            (Some(then), None) => format!(
                "whether this file decided cannot be told, since not all that it names can be read here; the line's etag is \
                 `{then}`, in force since {since}{outcome}"
            ),
            (None, _) => format!("the line has no etag, so whether this file decided cannot be told{outcome}"),
        }
    }

    /// The keys of the back-ends that are asked where no rule matches.
    pub(super) fn authorizers(&self) -> String {
        quoted(&self.rulebook.authorizers()).join(", then ")
    }

    /// The rule that decided by the audit log, if it does not match here.
    pub(super) fn decided_then<'e>(&self, explanation: &'e Explanation) -> Option<&'e Judged> {
        let recorded = self.question.recorded.as_ref()?.of(explanation.grant().scope())?;
        explanation.passed().get(recorded.rule?)
    }

    /// What the audit log has of a scope, as it is told.
    pub(super) fn recorded(&self, explanation: &Explanation) -> Option<String> {
        let recorded = self.question.recorded.as_ref()?.of(explanation.grant().scope())?;
        let granted = if recorded.granted.is_empty() {
            "nothing".to_owned()
        } else {
            recorded.granted.join(", ")
        };
        Some(format!("granted {granted}, since {}", recorded.because))
    }
}
