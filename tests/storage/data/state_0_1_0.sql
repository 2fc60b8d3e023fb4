-- A state file of mogplex-mcp 0.1.0 (schema 1), written by that release at 1795000000 and dumped.
BEGIN TRANSACTION;
CREATE TABLE pauses (tenant TEXT PRIMARY KEY, until REAL NOT NULL);
INSERT INTO "pauses" VALUES('2b1141f47d50d3befc7f19bc0a4ec66b',1795000010.0);
CREATE TABLE requests (tenant TEXT NOT NULL, at REAL NOT NULL, units INTEGER NOT NULL, watching INTEGER NOT NULL);
INSERT INTO "requests" VALUES('2b1141f47d50d3befc7f19bc0a4ec66b',1794999980.0,1,0);
INSERT INTO "requests" VALUES('2b1141f47d50d3befc7f19bc0a4ec66b',1794999980.0,1,0);
INSERT INTO "requests" VALUES('2b1141f47d50d3befc7f19bc0a4ec66b',1794999980.0,1,0);
INSERT INTO "requests" VALUES('2b1141f47d50d3befc7f19bc0a4ec66b',1794999980.0,1,0);
INSERT INTO "requests" VALUES('2b1141f47d50d3befc7f19bc0a4ec66b',1794999980.0,1,0);
INSERT INTO "requests" VALUES('2b1141f47d50d3befc7f19bc0a4ec66b',1794999980.0,1,0);
INSERT INTO "requests" VALUES('2b1141f47d50d3befc7f19bc0a4ec66b',1794999980.0,1,0);
INSERT INTO "requests" VALUES('2b1141f47d50d3befc7f19bc0a4ec66b',1794999980.0,2,1);
CREATE TABLE runs (
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    fate TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    forced INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    repo_id TEXT NOT NULL,
    repo TEXT NOT NULL,
    base_branch TEXT NOT NULL,
    prompt_line TEXT NOT NULL,
    status TEXT NOT NULL,
    pull_request TEXT NOT NULL,
    created_at REAL NOT NULL,
    checked_at REAL NOT NULL,
    PRIMARY KEY (tenant, key)
) WITHOUT ROWID;
INSERT INTO "runs" VALUES('2b1141f47d50d3befc7f19bc0a4ec66b','key-of-forced','sending','f4',1,'','4fc47468-0f0d-5a62-b2f1-34868131c9b8','acme/web','main','prompt of key-of-forced','','',1794999850.0,1794999850.0);
INSERT INTO "runs" VALUES('2b1141f47d50d3befc7f19bc0a4ec66b','key-of-gone','gone','f2',0,'11111111-2222-4333-8444-555555555555','4fc47468-0f0d-5a62-b2f1-34868131c9b8','acme/web','main','prompt of key-of-gone','pending','',1794998200.0,1794998200.0);
INSERT INTO "runs" VALUES('2b1141f47d50d3befc7f19bc0a4ec66b','key-of-refused','refused','f3',0,'','4fc47468-0f0d-5a62-b2f1-34868131c9b8','acme/web','main','prompt of key-of-refused','','',1794998200.0,1794998200.0);
INSERT INTO "runs" VALUES('2b1141f47d50d3befc7f19bc0a4ec66b','key-of-repeated','repeated','f6',0,'','4fc47468-0f0d-5a62-b2f1-34868131c9b8','acme/web','main','prompt of key-of-repeated','','',1794999850.0,1794999850.0);
INSERT INTO "runs" VALUES('2b1141f47d50d3befc7f19bc0a4ec66b','key-of-running','started','f4',0,'22222222-2222-4333-8444-555555555555','4fc47468-0f0d-5a62-b2f1-34868131c9b8','acme/web','main','prompt of key-of-running','streaming','',1794999700.0,1794999700.0);
INSERT INTO "runs" VALUES('2b1141f47d50d3befc7f19bc0a4ec66b','key-of-sending','sending','f5',0,'','4fc47468-0f0d-5a62-b2f1-34868131c9b8','acme/web','main','prompt of key-of-sending','','',1794999800.0,1794999800.0);
INSERT INTO "runs" VALUES('2b1141f47d50d3befc7f19bc0a4ec66b','key-of-success','started','f1',0,'75ce86aa-b59e-5f62-9d77-426c941e3c32','4fc47468-0f0d-5a62-b2f1-34868131c9b8','acme/web','main','prompt of key-of-success','success','https://github.com/acme/web/pull/4',1794996400.0,1794996400.0);
INSERT INTO "runs" VALUES('2b1141f47d50d3befc7f19bc0a4ec66b','seen:0b8e1a52-93c1-4f7e-8a52-0d4c5f1f5b11','seen','',0,'0b8e1a52-93c1-4f7e-8a52-0d4c5f1f5b11','4fc47468-0f0d-5a62-b2f1-34868131c9b8','','','','streaming','',1794998200.0,1794998200.0);
INSERT INTO "runs" VALUES('9eebecc05c90b06ed3ae5d09e3ae0684','key-of-sending','started','f5',0,'33333333-2222-4333-8444-555555555555','4fc47468-0f0d-5a62-b2f1-34868131c9b8','acme/web','main','prompt of key-of-sending','pending','',1794999850.0,1794999850.0);
CREATE TABLE secret (id INTEGER PRIMARY KEY CHECK (id = 1), key BLOB NOT NULL);
INSERT INTO "secret" VALUES(1,X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F');
CREATE TABLE triggers (
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    forced INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    created_at REAL NOT NULL,
    PRIMARY KEY (tenant, key)
) WITHOUT ROWID
;
INSERT INTO "triggers" VALUES('2b1141f47d50d3befc7f19bc0a4ec66b','aaaaaaaa-0000-4000-8000-000000000001','t1',0,'44444444-2222-4333-8444-555555555555',1794999900.0);
INSERT INTO "triggers" VALUES('2b1141f47d50d3befc7f19bc0a4ec66b','aaaaaaaa-0000-4000-8000-000000000002','t2',0,'',1794999900.0);
INSERT INTO "triggers" VALUES('2b1141f47d50d3befc7f19bc0a4ec66b','aaaaaaaa-0000-4000-8000-000000000003','t1',1,'',1794999900.0);
CREATE TABLE wait_caps (client TEXT PRIMARY KEY, seconds REAL NOT NULL, until REAL NOT NULL);
INSERT INTO "wait_caps" VALUES('langchain/1.0',4.0,1795003580.0);
CREATE INDEX runs_by_id ON runs (tenant, run_id);
CREATE INDEX runs_by_age ON runs (tenant, created_at);
CREATE INDEX runs_by_fingerprint ON runs (tenant, fingerprint, created_at);
CREATE INDEX requests_by_time ON requests (tenant, at);
COMMIT;
PRAGMA user_version = 1;
