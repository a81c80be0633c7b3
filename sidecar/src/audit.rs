//! Where the records of decisions go: each alone on its line of standard output, outside of all log levels. The format is
//! described in `docs/audit_log.md`.

use std::io::Write;

use registry_auth_core::config::Audit;

/// Writes a record. One that nobody takes any more is lost, and the request is not.
pub fn write(audit: Audit, mut line: String) {
    match audit {
        Audit::Off => return,
        Audit::Log => tracing::info!(audit = line, "decided"),
        Audit::AccessLog => {}
    }
    // In one piece, so that no other line comes in between.
    line.push('\n');
    let _ = std::io::stdout().write_all(line.as_bytes());
}
