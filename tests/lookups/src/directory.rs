//! LDAP: the service account searches, whoever signs in is bound, and the service account again.

use std::rc::Rc;

use anyhow::{Context as _, Result, ensure};
use ldap3::{LdapConnAsync, Scope, SearchEntry, ldap_escape};

use crate::{Task, Turns};

pub(crate) async fn look_up(task: Rc<Task>, mut turns: Turns) -> Result<Turns> {
    let [base, reader, reader_password] = &*task.rest else {
        anyhow::bail!("base, reader and the reader's password are wanted");
    };
    let (connection, mut ldap) = LdapConnAsync::new(&task.address).await?;
    tokio::spawn(connection.drive());
    ldap.simple_bind(reader, reader_password).await?.success()?;
    while let Some(account) = turns.next() {
        let filter = format!("(&(uid={})(objectClass=person))", ldap_escape(account.as_str()));
        let found = ldap
            .search(base, Scope::Subtree, &filter, vec!["uid", "memberOf"])
            .await?;
        let (mut entries, _) = found.success()?;
        let entry = SearchEntry::construct(entries.pop().context("nobody was found")?);
        ensure!(entry.attrs.contains_key("uid"), "`{}` has no name", entry.dn);
        ldap.simple_bind(&entry.dn, &task.password).await?.success()?;
        ldap.simple_bind(reader, reader_password).await?.success()?;
    }
    Ok(turns)
}
