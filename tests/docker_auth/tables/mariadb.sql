-- Tables as docker_auth 1.14 made them in MariaDB, filled with rows in the form that it reads.
CREATE TABLE `xorm_acl_entry` (
  `acl_entry` text DEFAULT NULL,
  `seq` bigint(20) DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
INSERT INTO `xorm_acl_entry` VALUES ('{\"Match\":{},\"Actions\":[],\"Comment\":null}',90);
INSERT INTO `xorm_acl_entry` VALUES ('{\"Match\":{\"account\":\"grace\",\"name\":\"locked/*\"},\"Actions\":[],\"Comment\":\"not for her\"}',5);
INSERT INTO `xorm_acl_entry` VALUES ('{\"Match\":{\"name\":\"${labels:team}/*\"},\"Actions\":[\"pull\"],\"Comment\":null}',20);
INSERT INTO `xorm_acl_entry` VALUES ('{\"Match\":{\"account\":\"/^(ada|grace)$/\",\"name\":\"${account}/*\"},\"Actions\":[\"*\"],\"Comment\":\"their own\"}',10);
INSERT INTO `xorm_acl_entry` VALUES ('{\"Match\":{\"type\":\"registry\",\"name\":\"catalog\",\"labels\":{\"team\":\"b*\"}},\"Actions\":[\"*\"],\"Comment\":null}',30);
INSERT INTO `xorm_acl_entry` VALUES ('{\"Match\":{\"account\":\"grace\",\"name\":\"locked/*\"},\"Actions\":[\"*\"],\"Comment\":null}',6);
CREATE TABLE `xorm_user` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `username` varchar(128) NOT NULL,
  `password_hash` varchar(128) NOT NULL,
  `labels` text DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
INSERT INTO `xorm_user` VALUES (1,'ada','$2b$04$vryy/t1dnrJ.cBzFYcccMebZScmAnJG9iyTkQHGF3NqKR7axQFx6q',NULL);
INSERT INTO `xorm_user` VALUES (2,'ada','$2b$04$HqFgzS5yK5xdpamdMeGEbOOlbtX09OeVXqZpb75.mfNMuXQo2o0Oi','{\"team\":[\"blue\",\"red\"]}');
INSERT INTO `xorm_user` VALUES (3,'grace','$2b$04$iktnLJN1h.wgUMfROoUes.S44g93e0e1pYBkO6b7ZSqfhpGsUJsh2',NULL);
INSERT INTO `xorm_user` VALUES (4,'eve','$2b$04$j2hHDBD/J.UIG50sFsxwEeQHjnI5RVzZ1Zj/ED0.mJgJPeXR/GQ9y','{\"team\":[]}');
