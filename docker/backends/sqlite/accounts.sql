-- Sample accounts, whose passwords are lovelace and hopper: only for trying it. docker_auth's tables; docs/sql.md.
-- Run at each start; what is there stays.
CREATE TABLE IF NOT EXISTS xorm_user (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, username TEXT NOT NULL,
  password_hash TEXT NOT NULL, labels TEXT NULL);
INSERT INTO xorm_user (username, password_hash, labels)
SELECT * FROM (VALUES
  ('ada', '$2y$10$UbrhF2N9qiCyNkRgXK49TObtCGx2k1ryRE.OBChKX9IfiDeUpCtt2', '{"teams": ["devs"]}'),
  ('grace', '$2y$10$e3mFtxQX4OnqGEotqmgcvek0MO10g8tyGfokldvn6sW742IvQsxzW', NULL))
WHERE NOT EXISTS (SELECT 1 FROM xorm_user);

CREATE TABLE IF NOT EXISTS xorm_acl_entry (acl_entry TEXT NULL, seq INTEGER NULL);
INSERT INTO xorm_acl_entry (seq, acl_entry)
SELECT * FROM (VALUES
  (10, '{"Match": {"labels": {"teams": "devs"}, "name": "team/*"}, "Actions": ["pull", "push"], "Comment": "devs in the folder of the team"}'))
WHERE NOT EXISTS (SELECT 1 FROM xorm_acl_entry);
