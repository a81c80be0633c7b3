-- Sample accounts, whose passwords are lovelace and hopper: only for trying it. docker_auth's tables; docs/sql.md.
CREATE TABLE xorm_user (id BIGINT(20) PRIMARY KEY AUTO_INCREMENT NOT NULL, username VARCHAR(128) NOT NULL,
  password_hash VARCHAR(128) NOT NULL, labels TEXT NULL);
INSERT INTO xorm_user (username, password_hash, labels) VALUES
  ('ada', '$2y$10$UbrhF2N9qiCyNkRgXK49TObtCGx2k1ryRE.OBChKX9IfiDeUpCtt2', '{"teams": ["devs"]}'),
  ('grace', '$2y$10$e3mFtxQX4OnqGEotqmgcvek0MO10g8tyGfokldvn6sW742IvQsxzW', NULL);

CREATE TABLE xorm_acl_entry (acl_entry TEXT NULL, seq BIGINT(20) NULL);
INSERT INTO xorm_acl_entry (seq, acl_entry) VALUES
  (10, '{"Match": {"labels": {"teams": "devs"}, "name": "team/*"}, "Actions": ["pull", "push"], "Comment": "devs in the folder of the team"}');

-- Nobody but registry-auth has the socket, so the user has no password.
CREATE USER registry@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON accounts.* TO registry@localhost;
