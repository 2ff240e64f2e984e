//! Signatures, against texts that were written out here by the specification, and against another implementation where
//! there is one.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::*;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+canary";
const AT: &str = "20260203T040506Z";

/// A request, and what signs it.
struct Case {
    service: &'static str,
    method: &'static str,
    url: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    body: &'static str,
    token: &'static str,
}

fn case(service: &'static str, method: &'static str, url: &'static str) -> Case {
    Case { service, method, url, headers: Vec::new(), body: "", token: "" }
}

fn cases() -> Vec<Case> {
    let json_body = vec![("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "Pools.List")];
    vec![
        case("execute-api", "GET", "https://abc.execute-api.eu-central-1.amazonaws.com"),
        case("execute-api", "GET", "https://abc.execute-api.eu-central-1.amazonaws.com/stage/pets/a%20b/%C3%BC/"),
        case("execute-api", "DELETE", "https://abc.execute-api.eu-central-1.amazonaws.com/a%2Fb/c:d@e;f=1"),
        case("execute-api", "GET", "https://localhost.example:8443//double//slash"),
        case("iam", "GET", "https://iam.amazonaws.com/?b=2&a=1&a=0&A=3&empty=&flag&%C3%A4=%26%3D"),
        case("s3", "GET", "https://bucket.s3.eu-central-1.amazonaws.com/a%20b/%2Bc//d?list-type=2&prefix=x%2Fy&acl"),
        Case {
            headers: json_body.clone(),
            body: "{\"MaxResults\":10}",
            ..case("cognito-identity", "POST", "https://c.example.com/")
        },
        Case {
            token: "FwoGZXIvYXdzE//temporary=",
            ..case("sts", "GET", "https://sts.eu-central-1.amazonaws.com/?Action=X")
        },
        Case {
            headers: vec![("x-amz-meta-note", "  two   spaces "), ("x-amz-date", "somebody's own")],
            ..case("s3", "PUT", "https://s3.eu-central-1.amazonaws.com/b/k~-._")
        },
    ]
}

fn signer(case: &Case) -> Signer {
    Signer {
        access_key_id: "AKIDEXAMPLE0".to_owned(),
        secret_access_key: Secret::from(SECRET),
        session_token: Secret::from(case.token),
        region: "eu-central-1".to_owned(),
        service: case.service.to_owned(),
    }
}

fn signed(case: &Case) -> Vec<(&'static str, Secret)> {
    let at: Timestamp = "2026-02-03T04:05:06Z".parse().unwrap();
    let headers: Vec<(&str, String)> = case.headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let url = Url::parse(case.url).unwrap();
    signer(case).sign_at(at, case.method, &url, &headers, case.body.as_bytes())
}

fn authorization(case: &Case) -> String {
    let signed = signed(case);
    signed.iter().find(|(name, _)| *name == "authorization").unwrap().1.expose().to_owned()
}

#[test]
fn a_signature_covers_what_is_sent() {
    let [plain, .., put] = &cases()[..] else { unreachable!() };
    let with = |change: fn(&mut Case)| {
        let mut case = case("execute-api", "GET", "https://abc.execute-api.eu-central-1.amazonaws.com");
        change(&mut case);
        authorization(&case)
    };
    let before = authorization(plain);
    assert_eq!(before, with(|_| ()));
    for changed in [
        with(|case| case.method = "HEAD"),
        with(|case| case.url = "https://abd.execute-api.eu-central-1.amazonaws.com"),
        with(|case| case.url = "https://abc.execute-api.eu-central-1.amazonaws.com:444"),
        with(|case| case.url = "https://abc.execute-api.eu-central-1.amazonaws.com/a"),
        with(|case| case.url = "https://abc.execute-api.eu-central-1.amazonaws.com/?a=1"),
        with(|case| case.body = "x"),
        with(|case| case.headers = vec![("content-type", "text/plain")]),
        with(|case| case.headers = vec![("x-amz-target", "t")]),
        with(|case| case.token = "temporary"),
        with(|case| case.service = "iam"),
    ] {
        assert_ne!(before, changed);
    }
    assert_eq!(before, with(|case| case.headers = vec![("accept", "*/*")]), "a proxy may change it");
    let names: Vec<&str> = signed(put).iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["x-amz-content-sha256", "x-amz-date", "authorization"]);
    assert!(authorization(put).contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-meta-note,"));
    assert!(!format!("{:?} {:?}", signer(put), signed(put)).contains(SECRET));
}

/// The texts of the specification's four steps, written out for one request.
#[test]
fn the_steps_of_the_specification() {
    let case = Case { body: "hi", ..case("execute-api", "POST", "https://h.example.com/a%20b//c?z=1&a=x%20y") };
    let hash = const_hex::encode(Sha256::digest("hi"));
    let request = format!(
        "POST\n/a%2520b/c\na=x%20y&z=1\nhost:h.example.com\nx-amz-content-sha256:{hash}\nx-amz-date:{AT}\n\n\
         host;x-amz-content-sha256;x-amz-date\n{hash}"
    );
    let hashed = const_hex::encode(Sha256::digest(request));
    let scope = "20260203/eu-central-1/execute-api/aws4_request";
    let key = ["20260203", "eu-central-1", "execute-api", "aws4_request"]
        .iter()
        .fold(format!("AWS4{SECRET}").into_bytes(), |key, part| hmac(&key, part).as_ref().to_vec());
    let signature = const_hex::encode(hmac(&key, &format!("AWS4-HMAC-SHA256\n{AT}\n{scope}\n{hashed}")));
    assert_eq!(
        authorization(&case),
        format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE0/{scope}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, \
             Signature={signature}"
        )
    );
}

#[test]
fn another_implementation_signs_alike() {
    let python =
        |args: &[&str]| Command::new("python3").args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let found = Command::new("python3").args(["-c", "import botocore"]).stderr(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        return test_support::skipped("python3 with botocore is not found, so no other implementation signs");
    }
    let asked: Vec<Value> = cases()
        .iter()
        .map(|case| {
            // Its own date replaces one that is given, as ours does.
            let headers = case.headers.iter().filter(|(name, _)| *name != "x-amz-date");
            let headers: serde_json::Map<String, Value> =
                headers.map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
            json!({ "at": AT, "key": "AKIDEXAMPLE0", "secret": SECRET, "token": case.token, "service": case.service,
                "region": "eu-central-1", "method": case.method, "url": case.url, "body": case.body, "headers": headers })
        })
        .collect();
    let mut child = python(&["-c", include_str!("oracle.py")]).unwrap();
    child.stdin.take().unwrap().write_all(json!(asked).to_string().as_bytes()).unwrap();
    let answered = child.wait_with_output().unwrap();
    let theirs: Vec<String> = serde_json::from_slice(&answered.stdout).unwrap();
    for (case, theirs) in cases().iter().zip(theirs) {
        assert_eq!(authorization(case), theirs, "{} {} for {}", case.method, case.url, case.service);
    }
}

#[test]
fn a_host_names_service_and_region() {
    for (host, named) in [
        ("abc.execute-api.eu-west-1.amazonaws.com", Some(("execute-api", "eu-west-1"))),
        ("iam.amazonaws.com", Some(("iam", "us-east-1"))),
        ("email.us-gov-west-1.amazonaws.com.", Some(("ses", "us-gov-west-1"))),
        ("b.s3.dualstack.ap-south-1.amazonaws.com", Some(("s3", "ap-south-1"))),
        ("search-x.eu-central-1.es.amazonaws.com", Some(("es", "eu-central-1"))),
        ("ec2.cn-north-1.amazonaws.com.cn", Some(("ec2", "cn-north-1"))),
        ("x.lambda-url.us-east-1.on.aws", Some(("lambda", "us-east-1"))),
        ("eu-west-1.amazonaws.com", None),
        ("amazonaws.com.example.com", None),
        ("127.0.0.1", None),
    ] {
        assert_eq!(of_host(host), named, "{host}");
    }
}

#[test]
fn a_query_is_sent_in_the_spelling_that_is_signed() {
    assert_eq!(strict("https://h/p?a=1+1&b=x%2fy&c&&d='*"), "https://h/p?a=1%2B1&b=x%2Fy&c&d=%27%2A");
    assert_eq!(strict("https://h/p?&"), "https://h/p");
    assert_eq!(strict("https://h/p"), "https://h/p");
}

#[test]
fn clocks_that_differ_are_told() {
    let now: Timestamp = "2026-02-03T04:05:06Z".parse().unwrap();
    assert_eq!(clock_advice("Tue, 03 Feb 2026 04:02:06 GMT", now), None);
    assert_eq!(clock_advice("never", now), None);
    let told = clock_advice("Tue, 03 Feb 2026 03:05:06 GMT", now).unwrap();
    assert!(told.starts_with("the clock of this machine is 60 minutes ahead of the service's"), "{told}");
    let told = clock_advice("Tue, 03 Feb 2026 04:15:06 GMT", now).unwrap();
    assert!(told.starts_with("the clock of this machine is 10 minutes behind the service's"), "{told}");
}
