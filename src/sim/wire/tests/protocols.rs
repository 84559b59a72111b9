//! What every service has in common, seen without an SDK in between.

use std::io::Write as _;

use aws_sdk_sts::operation::RequestId as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::Request;
use http::header::CONTENT_TYPE;

use super::*;

const TARGET: &str = "x-amz-target";

fn reply(sim: &Sim, request: Request<Bytes>) -> (u16, String, Response<()>) {
    match answer(sim, request) {
        Answer::Reply { response, .. } => {
            let (parts, body) = response.into_parts();
            let body = String::from_utf8_lossy(&body).into_owned();
            (parts.status.as_u16(), body, Response::from_parts(parts, ()))
        }
        other => panic!("not a reply: {other:?}"),
    }
}

fn post(uri: &str) -> http::request::Builder {
    Request::post(uri).header("host", "127.0.0.1:4566")
}

#[tokio::test(start_paused = true)]
async fn an_unknown_operation_is_refused_in_each_protocols_own_shape() {
    let sim = Account::new().sim;
    let json = post("/").header(TARGET, "AmazonEC2ContainerServiceV20141113.Fly").body(Bytes::new()).unwrap();
    let (status, body, _) = reply(&sim, json);
    assert_eq!((status, body.contains(r#""__type":"UnknownOperationException""#)), (400, true), "{body}");

    let query = post("/").body(Bytes::from_static(b"Action=Fly&Version=2015-12-01")).unwrap();
    let (status, body, _) = reply(&sim, query);
    assert_eq!((status, body.contains("<Code>InvalidAction</Code>")), (400, true), "{body}");

    let cbor = post("/service/GraniteServiceVersion20100801/operation/Fly").body(Bytes::new()).unwrap();
    let (status, _, response) = reply(&sim, cbor);
    assert_eq!(
        (status, &response.headers()["x-amzn-query-error"]),
        (400, &HeaderValue::from_static("InvalidAction;Sender"))
    );
    assert_eq!(response.headers()["smithy-protocol"], "rpc-v2-cbor");
}

#[tokio::test(start_paused = true)]
async fn cloudwatch_answers_json_form_and_cbor_clients_alike() {
    let sim = Account::new().sim;
    let json = post("/")
        .header(TARGET, "GraniteServiceVersion20100801.DescribeAlarms")
        .body(Bytes::from_static(br#"{"AlarmNames":["api-5xx-high"]}"#))
        .unwrap();
    let (status, body, response) = reply(&sim, json);
    assert_eq!((status, body.contains(r#""AlarmName":"api-5xx-high""#)), (200, true), "{body}");
    assert_eq!(response.headers()[CONTENT_TYPE], "application/x-amz-json-1.0");

    let form = b"Action=DescribeAlarms&Version=2010-08-01&AlarmNames.member.1=api-5xx-high";
    let (status, body, _) = reply(&sim, post("/").body(Bytes::from_static(form)).unwrap());
    assert_eq!((status, body.contains("<AlarmName>api-5xx-high</AlarmName>")), (200, true), "{body}");
}

#[tokio::test(start_paused = true)]
async fn a_compressed_request_to_a_proxy_is_understood() {
    let sim = Account::new().sim;
    let mut body = GzEncoder::new(Vec::new(), Compression::fast());
    body.write_all(b"Action=GetCallerIdentity&Version=2011-06-15").unwrap();
    let request = post("http://sts.eu-west-1.amazonaws.com/")
        .header("content-encoding", "gzip")
        .body(body.finish().unwrap().into())
        .unwrap();
    let (status, body, response) = reply(&sim, request);
    assert_eq!((status, body.contains("<Account>123456789012</Account>")), (200, true), "{body}");
    assert!(response.headers().contains_key("x-amzn-requestid"));
}

#[tokio::test(start_paused = true)]
async fn what_no_service_understands_is_not_found_and_what_cannot_be_read_is_malformed() {
    let sim = Account::new().sim;
    let (status, _, _) = reply(&sim, post("/").body(Bytes::from_static(b"hello")).unwrap());
    assert_eq!(status, 404);
    let broken = post("/").header(TARGET, "Logs_20140328.GetLogEvents").body(Bytes::from_static(b"{")).unwrap();
    let (status, body, _) = reply(&sim, broken);
    assert_eq!((status, body.contains("SerializationException")), (400, true), "{body}");
}

#[tokio::test(start_paused = true)]
async fn the_simulated_application_answers_at_its_own_host() {
    let sim = Account::new().sim;
    sim.clock().sleep(Duration::from_secs(5)).await;
    let request = Request::get("https://api.shop.test/healthz").body(Bytes::new()).unwrap();
    let (status, body, _) = reply(&sim, request);
    assert_eq!((status, body.contains("ok")), (200, true), "{body}");
    let plain = Request::get("http://api.shop.test/healthz").body(Bytes::new()).unwrap();
    assert_eq!(reply(&sim, plain).0, 301);
    let nobody = Request::get("http://nobody.shop.test/").body(Bytes::new()).unwrap();
    let refused = answer(&sim, nobody);
    assert!(matches!(refused, Answer::Broken { connection: ConnectionFault::Refused, .. }), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn calls_are_counted_by_operation_and_request_ids_do_not_repeat() {
    let account = Account::new();
    let first = account.sts().get_caller_identity().send().await.unwrap();
    let second = account.sts().get_caller_identity().send().await.unwrap();
    assert_eq!(first.account(), Some("123456789012"));
    assert_ne!(first.request_id(), second.request_id());
    assert_eq!(account.sim.wire().calls()[&(Service::Sts, "GetCallerIdentity".to_owned())], 2);
}
