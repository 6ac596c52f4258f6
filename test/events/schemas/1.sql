-- What version 1 (0.1.0) writes: sqlite3 sekisho.db .dump
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE events (
    id INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL,
    listener TEXT NOT NULL, client TEXT NOT NULL, prefix TEXT NOT NULL, site TEXT, action TEXT NOT NULL,
    rule TEXT NOT NULL, rules TEXT NOT NULL, intent TEXT NOT NULL, destination TEXT, answer TEXT,
    why TEXT NOT NULL, request TEXT NOT NULL
  ) STRICT;
INSERT INTO events VALUES(1,1700000000000,1700000000000,1,'http 192.0.2.80:8080','198.51.100.7','198.51.100.7/32',NULL,'block','connect','connect proxy-connection','mail-relay','mx.example.com:25','405','The sender wanted a tunnel through this server: mx.example.com:25.','CONNECT mx.example.com:25 HTTP/1.1');
INSERT INTO events VALUES(2,1700000000000,1700000000000,2,'http 192.0.2.80:8080','203.0.113.9','203.0.113.9/32',NULL,'block','connect','connect proxy-connection','mail-relay','http://mx.example.com:25/a','405','The sender wanted a tunnel through this server: mx.example.com:25.','CONNECT mx.example.com:25 HTTP/1.1');
CREATE TABLE evidence (id INTEGER PRIMARY KEY, bytes TEXT NOT NULL) STRICT;
INSERT INTO evidence VALUES(1,'CONNECT mx.example.com:25 HTTP/1.1\r\nHost: mx.example.com:25\r\n\r\n');
INSERT INTO evidence VALUES(2,'CONNECT mx.example.com:25 HTTP/1.1\r\nHost: mx.example.com:25\r\n\r\n');
CREATE TABLE minutes (minute INTEGER, rule TEXT, action TEXT, count INTEGER NOT NULL,
    PRIMARY KEY (minute, rule, action)) STRICT, WITHOUT ROWID;
INSERT INTO minutes VALUES(1699999980000,'connect','block',3);
CREATE TABLE intents (minute INTEGER, intent TEXT, count INTEGER NOT NULL,
    PRIMARY KEY (minute, intent)) STRICT, WITHOUT ROWID;
INSERT INTO intents VALUES(1699999980000,'mail-relay',3);
CREATE TABLE totals (rule TEXT, action TEXT, count INTEGER NOT NULL, first INTEGER NOT NULL,
    PRIMARY KEY (rule, action)) STRICT, WITHOUT ROWID;
INSERT INTO totals VALUES('connect','block',3,1700000000000);
CREATE TABLE sourcesHour (slot INTEGER, key TEXT, count INTEGER NOT NULL, last INTEGER NOT NULL,
      PRIMARY KEY (slot, key)) STRICT, WITHOUT ROWID;
INSERT INTO sourcesHour VALUES(1699999200000,'198.51.100.7/32',1,1700000000000);
INSERT INTO sourcesHour VALUES(1699999200000,'203.0.113.9/32',2,1700000000000);
CREATE TABLE sourcesDay (slot INTEGER, key TEXT, count INTEGER NOT NULL, last INTEGER NOT NULL,
      PRIMARY KEY (slot, key)) STRICT, WITHOUT ROWID;
INSERT INTO sourcesDay VALUES(1699920000000,'198.51.100.7/32',1,1700000000000);
INSERT INTO sourcesDay VALUES(1699920000000,'203.0.113.9/32',2,1700000000000);
CREATE TABLE wantsHour (slot INTEGER, key TEXT, count INTEGER NOT NULL, last INTEGER NOT NULL,
      PRIMARY KEY (slot, key)) STRICT, WITHOUT ROWID;
INSERT INTO wantsHour VALUES(1699999200000,'mail-relay mx.example.com:25',3,1700000000000);
CREATE TABLE wantsDay (slot INTEGER, key TEXT, count INTEGER NOT NULL, last INTEGER NOT NULL,
      PRIMARY KEY (slot, key)) STRICT, WITHOUT ROWID;
INSERT INTO wantsDay VALUES(1699920000000,'mail-relay mx.example.com:25',3,1700000000000);
CREATE INDEX events_last ON events (last);
CREATE INDEX events_rule ON events (rule, last);
CREATE INDEX events_prefix ON events (prefix, last);
COMMIT;
PRAGMA user_version = 1;
