//! The AWS CLI against the simulated AWS: an independent client, which speaks JSON to CloudWatch where the SDK speaks
//! CBOR. It needs `aws` on the path, so it runs only when asked for: `cargo test --test aws_cli -- --ignored`.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use cutover::clock::Clock;
use cutover::sim::listen::{ListenOptions, listen};
use cutover::sim::{Scenario, Sim};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

/// The simulated AWS runs this many times as fast as the CLI, so that minutes of metrics are there within seconds.
const SPEED: f64 = 60.0;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the AWS CLI on the path"]
async fn the_aws_cli_reads_and_writes_every_service() {
    let sim = Sim::new(Scenario::named("healthy").unwrap(), 7, Clock::accelerated(SPEED));
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let listening = listen(sim.clone(), any_port, ListenOptions::default()).await.unwrap();
    let endpoint = format!("http://{}", listening.address());
    let command = |arguments: &str| {
        let mut command = Command::new("aws");
        command
            .args(["--endpoint-url", &endpoint, "--region", "eu-west-1", "--output", "text"])
            .args(arguments.split_whitespace())
            .env("AWS_ACCESS_KEY_ID", "simulated")
            .env("AWS_SECRET_ACCESS_KEY", "simulated")
            .env("AWS_MAX_ATTEMPTS", "1")
            .env("AWS_PAGER", "");
        command
    };
    let run = async |arguments: String| {
        let output = command(&arguments).output().await.unwrap();
        let said = if output.status.success() { output.stdout } else { output.stderr };
        String::from_utf8(said).unwrap().trim().to_owned()
    };
    let aws = async |arguments: &str| run(arguments.to_owned()).await;

    assert_eq!(aws("sts get-caller-identity --query Account").await, "123456789012");

    let running =
        aws("ecs describe-services --cluster shop --services api-blue --query services[0].runningCount").await;
    assert_eq!(running, "6");
    let missing = aws("ecs describe-services --cluster nowhere --services api-blue").await;
    assert!(missing.contains("(ClusterNotFoundException)"), "{missing}");

    let balancer = aws("elbv2 describe-load-balancers --query LoadBalancers[0].LoadBalancerArn").await;
    let listener = format!("elbv2 describe-listeners --load-balancer-arn {balancer} --query Listeners[0].ListenerArn");
    let listener = run(listener).await;
    let rule = run(format!("elbv2 describe-rules --listener-arn {listener} --query Rules[0].RuleArn")).await;
    let group = async |name: &str| {
        run(format!("elbv2 describe-target-groups --names {name} --query TargetGroups[0].TargetGroupArn")).await
    };
    let (blue, green) = (group("api-blue").await, group("api-green").await);
    let action = serde_json::json!([{"Type": "forward", "ForwardConfig": {"TargetGroups": [
        {"TargetGroupArn": blue, "Weight": 90}, {"TargetGroupArn": green, "Weight": 10},
    ]}}]);
    run(format!("elbv2 modify-rule --rule-arn {rule} --actions {action}")).await;
    let weights = "Rules[0].Actions[0].ForwardConfig.TargetGroups[].Weight";
    assert_eq!(run(format!("elbv2 describe-rules --rule-arns {rule} --query {weights}")).await, "90\t10");
    let states = "TargetHealthDescriptions[].TargetHealth.State";
    let states = run(format!("elbv2 describe-target-health --target-group-arn {blue} --query {states}")).await;
    assert_eq!(states.matches("healthy").count(), 6, "{states}");

    assert!(aws("cloudwatch describe-alarms --query MetricAlarms[].AlarmName").await.contains("api-5xx-high"));
    let reason = "--state-value ALARM --state-reason drill";
    assert_eq!(run(format!("cloudwatch set-alarm-state --alarm-name api-5xx-high {reason}")).await, "");
    let history = "cloudwatch describe-alarm-history --alarm-name api-5xx-high --history-item-type StateUpdate";
    let history = run(format!("{history} --query AlarmHistoryItems[].HistorySummary")).await;
    assert!(history.contains("to ALARM"), "{history}");
    let missing = run(format!("cloudwatch set-alarm-state --alarm-name ghost {reason}")).await;
    assert!(missing.contains("(ResourceNotFound)"), "{missing}");

    sim.clock().sleep(Duration::from_mins(4)).await;
    let dimensions = serde_json::json!([
        {"Name": "LoadBalancer", "Value": balancer.split_once(":loadbalancer/").unwrap().1},
        {"Name": "TargetGroup", "Value": blue.rsplit(':').next().unwrap()},
    ]);
    let query = |id: &str, name: &str, stat: &str| {
        let metric =
            serde_json::json!({"Namespace": "AWS/ApplicationELB", "MetricName": name, "Dimensions": dimensions});
        serde_json::json!({"Id": id, "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}})
    };
    let rate = serde_json::json!({"Id": "rate", "Expression": "n/60"});
    let queries =
        serde_json::json!([query("p99", "TargetResponseTime", "p99"), query("n", "RequestCount", "Sum"), rate]);
    let now = sim.clock().now().secs();
    let span = format!("--start-time {} --end-time {now}", now - 1_800);
    let values = "--query MetricDataResults[].Values[0]";
    let found = run(format!("cloudwatch get-metric-data {span} --metric-data-queries {queries} {values}")).await;
    let found: Vec<f64> = found.split_whitespace().map(|value| value.parse().unwrap()).collect();
    assert_eq!(found.len(), 3, "{found:?}");
    assert!((found[1] / 60.0 - found[2]).abs() < 1e-6, "{found:?}");

    let filtered = "logs filter-log-events --log-group-name /ecs/api --limit 5 --query length(events)";
    assert_eq!(aws(filtered).await, "5");

    // The CLI puts `stream-` in front of the host of a live tail; a proxy spares it looking that name up.
    let group = aws("logs describe-log-groups --query logGroups[0].logGroupArn").await;
    let mut tail = command(&format!("logs start-live-tail --log-group-identifiers {group}"))
        .env("HTTP_PROXY", &endpoint)
        .env("PYTHONUNBUFFERED", "1")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(Duration::from_secs(30), lines.next_line()).await.unwrap().unwrap().unwrap();
    assert!(line.contains("\"level\""), "{line}");
    drop(tail);

    let topic = aws("sns list-topics --query Topics[0].TopicArn").await;
    let published = run(format!("sns publish --topic-arn {topic} --message 10%&<rising> --query MessageId")).await;
    assert_eq!(published.len(), 36, "{published}");
    let missing = run(format!("sns publish --topic-arn {topic}-ghost --message x")).await;
    assert!(missing.contains("(NotFound)"), "{missing}");
    listening.stop().await;
}
