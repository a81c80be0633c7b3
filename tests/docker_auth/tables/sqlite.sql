-- Tables as docker_auth 1.14 made them in SQLite, filled with rows in the form that it reads.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE `xorm_acl_entry` (`acl_entry` TEXT NULL, `seq` INTEGER NULL);
INSERT INTO xorm_acl_entry VALUES('{"Match":{},"Actions":[],"Comment":null}',90);
INSERT INTO xorm_acl_entry VALUES('{"Match":{"account":"grace","name":"locked/*"},"Actions":[],"Comment":"not for her"}',5);
INSERT INTO xorm_acl_entry VALUES('{"Match":{"name":"${labels:team}/*"},"Actions":["pull"],"Comment":null}',20);
INSERT INTO xorm_acl_entry VALUES('{"Match":{"account":"/^(ada|grace)$/","name":"${account}/*"},"Actions":["*"],"Comment":"their own"}',10);
INSERT INTO xorm_acl_entry VALUES('{"Match":{"type":"registry","name":"catalog","labels":{"team":"b*"}},"Actions":["*"],"Comment":null}',30);
INSERT INTO xorm_acl_entry VALUES('{"Match":{"account":"grace","name":"locked/*"},"Actions":["*"],"Comment":null}',6);
CREATE TABLE `xorm_user` (`id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `username` TEXT NOT NULL, `password_hash` TEXT NOT NULL, `labels` TEXT NULL);
INSERT INTO xorm_user VALUES(1,'ada','$2b$04$vryy/t1dnrJ.cBzFYcccMebZScmAnJG9iyTkQHGF3NqKR7axQFx6q',NULL);
INSERT INTO xorm_user VALUES(2,'ada','$2b$04$HqFgzS5yK5xdpamdMeGEbOOlbtX09OeVXqZpb75.mfNMuXQo2o0Oi','{"team":["blue","red"]}');
INSERT INTO xorm_user VALUES(3,'grace','$2b$04$iktnLJN1h.wgUMfROoUes.S44g93e0e1pYBkO6b7ZSqfhpGsUJsh2',NULL);
INSERT INTO xorm_user VALUES(4,'eve','$2b$04$j2hHDBD/J.UIG50sFsxwEeQHjnI5RVzZ1Zj/ED0.mJgJPeXR/GQ9y','{"team":[]}');
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('xorm_user',4);
COMMIT;
