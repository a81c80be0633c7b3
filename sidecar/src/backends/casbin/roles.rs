//! Who has which role, for the crate: its own manager keeps all kinds of roles in one graph, and looks through all of it
//! for an account that has none.

use std::collections::{HashMap, HashSet};

use casbin::{MatchingFn, RoleManager};

/// So many roles may stand one above the other, as in Casbin's Go library.
const MOST_LEVELS: usize = 10;

/// The roles that each name has, by domain.
#[derive(Debug, Default)]
pub(super) struct Roles {
    of: HashMap<String, HashMap<String, Vec<String>>>,
}

impl RoleManager for Roles {
    fn clear(&mut self) {
        self.of.clear();
    }

    fn add_link(&mut self, name: &str, role: &str, domain: Option<&str>) {
        let domain = self.of.entry(domain.unwrap_or_default().to_owned()).or_default();
        domain.entry(name.to_owned()).or_default().push(role.to_owned());
    }

    /// Names are compared as they are.
    fn matching_fn(&mut self, _: Option<MatchingFn>, _: Option<MatchingFn>) {}

    fn delete_link(&mut self, name: &str, role: &str, domain: Option<&str>) -> casbin::Result<()> {
        let domain = self.of.get_mut(domain.unwrap_or_default());
        if let Some(roles) = domain.and_then(|domain| domain.get_mut(name)) {
            roles.retain(|known| known != role);
        }
        Ok(())
    }

    fn has_link(&self, name: &str, role: &str, domain: Option<&str>) -> bool {
        if name == role {
            return true;
        }
        let Some(roles) = self.of.get(domain.unwrap_or_default()) else {
            return false;
        };
        let mut seen = HashSet::from([name]);
        let mut level = vec![name];
        for _ in 0..MOST_LEVELS {
            let above = level.iter().filter_map(|name| roles.get(*name)).flatten();
            level = above.map(String::as_str).filter(|role| seen.insert(role)).collect();
            if level.contains(&role) {
                return true;
            }
            if level.is_empty() {
                return false;
            }
        }
        false
    }

    fn get_roles(&self, name: &str, domain: Option<&str>) -> Vec<String> {
        let roles = self
            .of
            .get(domain.unwrap_or_default())
            .and_then(|domain| domain.get(name));
        roles.cloned().unwrap_or_default()
    }

    fn get_users(&self, role: &str, domain: Option<&str>) -> Vec<String> {
        let domain = self.of.get(domain.unwrap_or_default()).into_iter().flatten();
        let users = domain.filter(|(_, roles)| roles.iter().any(|known| known == role));
        users.map(|(name, _)| name.clone()).collect()
    }
}
