use aws_sdk_ecs::config::retry::RetryConfig;
use aws_sdk_ecs::config::timeout::TimeoutConfig;
use aws_sdk_ecs::error::{ProvideErrorMetadata as _, SdkError};

use super::*;
use crate::sim::scenario::Percent;

fn always(kind: ApiFaultKind) -> ApiFault {
    ApiFault::new(kind, Percent::all())
}

/// A client that tries once and waits for ten seconds at most.
fn single(account: &Account) -> aws_sdk_ecs::Client {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(10)).build();
    let config = aws_sdk_ecs::config::Builder::from(&account.config)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .build();
    aws_sdk_ecs::Client::from_conf(config)
}

fn injected(account: &Account, kind: ApiFaultKind) -> u64 {
    account.sim.wire().injected().get(&kind).copied().unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn throttled_calls_are_retried_by_the_sdk_until_they_get_through() {
    let fault = always(ApiFaultKind::Throttling).during(Duration::ZERO, Duration::from_millis(40));
    let account = Account::with_faults(vec![fault]);
    let before = account.now();
    account.ecs().list_clusters().send().await.unwrap();
    assert!(injected(&account, ApiFaultKind::Throttling) >= 1);
    assert!(account.now() > before, "the back-off passes on simulated time");
}

#[tokio::test(start_paused = true)]
async fn each_refusal_has_the_code_that_the_sdk_knows() {
    let codes = [
        (ApiFaultKind::Throttling, "ThrottlingException", "Throttling", "Throttling"),
        (ApiFaultKind::ExpiredCredentials, "ExpiredTokenException", "ExpiredToken", "ExpiredToken"),
    ];
    for (kind, json, query, cbor) in codes {
        let mut account = Account::with_faults(vec![always(kind)]);
        account.config = account.config.into_builder().retry_config(RetryConfig::disabled()).build();
        assert_eq!(account.ecs().list_clusters().send().await.unwrap_err().code(), Some(json));
        assert_eq!(account.logs().describe_log_groups().send().await.unwrap_err().code(), Some(json));
        assert_eq!(account.elbv2().describe_load_balancers().send().await.unwrap_err().code(), Some(query));
        assert_eq!(account.sns().list_topics().send().await.unwrap_err().code(), Some(query));
        assert_eq!(account.sts().get_caller_identity().send().await.unwrap_err().code(), Some(query));
        assert_eq!(account.cloudwatch().list_metrics().send().await.unwrap_err().code(), Some(cbor));
        assert_eq!(injected(&account, kind), 6);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_response_is_an_error_although_the_effect_is_there() {
    let account = Account::with_faults(vec![always(ApiFaultKind::LostResponse).on(&["UpdateService"])]);
    let ecs = single(&account);
    let update = ecs.update_service().cluster("shop").service("api-green").desired_count(3).send().await;
    assert!(matches!(update, Err(SdkError::DispatchFailure(ref failure)) if failure.is_io()), "{update:?}");
    account.pass(Duration::from_secs(5)).await;
    let described = ecs.describe_services().cluster("shop").services("api-green").send().await.unwrap();
    assert_eq!(described.services()[0].desired_count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_lost_request_has_no_effect() {
    let account = Account::with_faults(vec![always(ApiFaultKind::LostRequest).on(&["UpdateService"])]);
    let ecs = single(&account);
    let update = ecs.update_service().cluster("shop").service("api-green").desired_count(3).send().await;
    assert!(matches!(update, Err(SdkError::DispatchFailure(_))), "{update:?}");
    account.pass(Duration::from_secs(5)).await;
    let described = ecs.describe_services().cluster("shop").services("api-green").send().await.unwrap();
    assert_eq!(described.services()[0].desired_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_arrives_and_a_missing_one_ends_with_the_clients_own_time_out() {
    let mut slow = always(ApiFaultKind::Slow);
    slow.delay = Duration::from_secs(6);
    let account = Account::with_faults(vec![slow]);
    let before = account.now();
    single(&account).list_clusters().send().await.unwrap();
    assert_eq!(account.now().since(before).as_secs(), 6);

    account.sim.wire().set_faults(FaultPlan::of(vec![always(ApiFaultKind::Timeout)]));
    let before = account.now();
    let missing = single(&account).list_clusters().send().await;
    assert!(matches!(missing, Err(SdkError::TimeoutError(_))), "{missing:?}");
    assert_eq!(account.now().since(before).as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn server_errors_and_pages_of_html_are_not_service_errors_that_a_program_could_mistake() {
    let account = Account::with_faults(vec![always(ApiFaultKind::ServerError)]);
    let ecs = single(&account);
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let refused = ecs.list_clusters().send().await.unwrap_err();
        statuses.push(refused.raw_response().unwrap().status().as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [500, 503]);
    account.sim.wire().set_faults(FaultPlan::of(vec![always(ApiFaultKind::HtmlError)]));
    let page = ecs.list_clusters().send().await.unwrap_err();
    assert_eq!((page.code(), page.raw_response().unwrap().status().as_u16()), (None, 502));
}

#[tokio::test(start_paused = true)]
async fn a_stale_read_repeats_what_the_same_read_said_before() {
    let account = Account::new();
    let ecs = single(&account);
    let desired = || async {
        let read = ecs.describe_services().cluster("shop").services("api-green").send().await.unwrap();
        read.services()[0].desired_count()
    };
    account.sim.wire().set_faults(FaultPlan::of(vec![always(ApiFaultKind::StaleRead)]));
    assert_eq!(desired().await, 0, "the first read has nothing to repeat");
    ecs.update_service().cluster("shop").service("api-green").desired_count(3).send().await.unwrap();
    account.pass(Duration::from_secs(5)).await;
    assert_eq!(desired().await, 0);
    assert_eq!(injected(&account, ApiFaultKind::StaleRead), 1);
    account.pass(Duration::from_mins(1)).await;
    assert_eq!(desired().await, 3, "an answer that old is not repeated");
}

#[tokio::test(start_paused = true)]
async fn a_read_time_out_of_the_client_is_honoured() {
    let account = Account::with_faults(vec![always(ApiFaultKind::Timeout)]);
    let timeouts = TimeoutConfig::builder().read_timeout(Duration::from_secs(4)).build();
    let config = aws_sdk_ecs::config::Builder::from(&account.config)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .build();
    let before = account.now();
    let missing = aws_sdk_ecs::Client::from_conf(config).list_clusters().send().await;
    assert!(matches!(missing, Err(SdkError::DispatchFailure(ref failure)) if failure.is_timeout()), "{missing:?}");
    assert_eq!(account.now().since(before).as_secs(), 4);
}

/// What one seed makes of forty polls under a mix of faults: each answer, and when it came.
async fn history(seed: u64) -> Vec<(Timestamp, String)> {
    let clock = Clock::starting_at(Timestamp::from_secs(1_795_161_600), 1.0);
    let sim = Sim::new(Scenario::named("healthy").unwrap(), seed, clock);
    let kinds = [ApiFaultKind::Throttling, ApiFaultKind::ServerError, ApiFaultKind::LostResponse, ApiFaultKind::Slow];
    let rules = kinds.map(|kind| ApiFault::new(kind, Percent::new(20.0)));
    sim.wire().set_faults(FaultPlan::of(rules.to_vec()));
    let mut seen = Vec::new();
    for _ in 0..40 {
        let request = http::Request::post("/")
            .header("x-amz-target", "AmazonEC2ContainerServiceV20141113.ListTasks")
            .body(Bytes::from_static(br#"{"cluster":"shop"}"#))
            .unwrap();
        let (after, answer) = match answer(&sim, request) {
            Answer::Reply { response, after } => (after, format!("{response:?}")),
            Answer::Broken { connection, after } => (after, format!("{connection:?}")),
            other @ Answer::Stream { .. } => panic!("{other:?}"),
        };
        sim.clock().sleep(after).await;
        seen.push((sim.clock().now(), answer));
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_answers_faults_and_latencies() {
    let (first, again, other) = (history(3).await, history(3).await, history(4).await);
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_polls_too_hard_is_throttled() {
    let account = Account::new();
    let ecs = single(&account);
    let mut refused = 0;
    for _ in 0..200 {
        let request = http::Request::post("/")
            .header("x-amz-target", "AmazonEC2ContainerServiceV20141113.ListServices")
            .body(Bytes::from_static(br#"{"cluster":"shop"}"#))
            .unwrap();
        if let Answer::Reply { response, .. } = answer(&account.sim, request) {
            refused += usize::from(response.status() == StatusCode::BAD_REQUEST);
        }
    }
    assert_eq!(refused, 100);
    account.pass(Duration::from_secs(1)).await;
    ecs.list_services().cluster("shop").send().await.unwrap();
}
