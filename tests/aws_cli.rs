//! The AWS CLI against `cutover sim --listen`: an independent client, which speaks JSON to CloudWatch where the SDK
//! speaks CBOR.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking, in their helpers too"
)]

mod tools;

use std::process::Stdio;
use std::time::Duration;

use cutover::clock::Clock;
use cutover::sim::listen::{ListenOptions, listen};
use cutover::sim::{Scenario, Sim};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use tools::{AwsCli, Tools, clean};

/// On a busy machine a call of the CLI takes seconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// The program as a server, and the client in front of it.
struct Served {
    aws: AwsCli,
    endpoint: String,
    _program: Child,
    /// Held open: the program has more to say than its address.
    _said: Lines<BufReader<ChildStdout>>,
}

impl Served {
    /// A world of the program's own, which passes through minutes of metrics within seconds.
    async fn by_program(tools: Tools) -> Self {
        let mut program = clean(Command::new(env!("CARGO_BIN_EXE_cutover")))
            .args(["sim", "--listen", "127.0.0.1:0", "--scenario", "healthy", "--seed", "7", "--speed", "60"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(program.stdout.take().unwrap()).lines();
        let line = timeout(PATIENCE, said.next_line()).await.unwrap().unwrap().unwrap();
        let (_, endpoint) = line.split_once(" on ").unwrap_or_else(|| panic!("no address: {line}"));
        let endpoint = endpoint.to_owned();
        let aws = AwsCli::new(tools, vec![("AWS_ENDPOINT_URL", endpoint.clone())]);
        Self { aws, endpoint, _program: program, _said: said }
    }

    /// ARNs of the load balancer, its rule, and the target groups of blue and green.
    async fn balancer(&self) -> [String; 4] {
        let balancer = self.aws.call("elbv2 describe-load-balancers --query LoadBalancers[0].LoadBalancerArn").await;
        let listener = "--query Listeners[0].ListenerArn";
        let listener = format!("elbv2 describe-listeners --load-balancer-arn {balancer} {listener}");
        let listener = self.aws.call(listener).await;
        let rule = format!("elbv2 describe-rules --listener-arn {listener} --query Rules[0].RuleArn");
        let groups = "elbv2 describe-target-groups --names api-blue api-green --query TargetGroups[].TargetGroupArn";
        let groups = self.aws.call(groups).await;
        let (blue, green) = groups.split_once('\t').unwrap_or_else(|| panic!("{groups}"));
        [balancer, self.aws.call(rule).await, blue.to_owned(), green.to_owned()]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_cli_reads_and_writes_every_service() {
    let Some(tools) = Tools::find("the_aws_cli_reads_and_writes_every_service") else { return };
    let served = Served::by_program(tools).await;
    assert_eq!(served.aws.call("sts get-caller-identity --query Account").await, "123456789012");
    runs_services(&served.aws).await;
    let [balancer, rule, blue, green] = served.balancer().await;
    splits_traffic(&served.aws, &rule, &blue, &green).await;
    raises_alarms(&served.aws).await;
    measures(&served.aws, &balancer, &blue).await;
    keeps_logs(&served).await;
}

async fn runs_services(aws: &AwsCli) {
    let described = "ecs describe-services --cluster shop --services api-blue api-green";
    let counts = aws.call(format!("{described} --query services[].[serviceName,runningCount,desiredCount]")).await;
    assert_eq!(counts, "api-blue\t6\t6\napi-green\t0\t0");
    let missing = aws.call("ecs describe-services --cluster nowhere --services api-blue").await;
    assert!(missing.contains("(ClusterNotFoundException)"), "{missing}");

    let scaled = "ecs update-service --cluster shop --service api-green --desired-count 2 --query service.desiredCount";
    assert_eq!(aws.call(scaled).await, "2");
    // A waiter of the CLI's own: it decides by deployments and counts, asking every 15 s.
    assert_eq!(aws.call("ecs wait services-stable --cluster shop --services api-green").await, "");
    let tasks = "ecs list-tasks --cluster shop --service-name api-green --query length(taskArns)";
    assert_eq!(aws.call(tasks).await, "2");
}

async fn splits_traffic(aws: &AwsCli, rule: &str, blue: &str, green: &str) {
    let action = json!([{"Type": "forward", "ForwardConfig": {"TargetGroups": [
        {"TargetGroupArn": blue, "Weight": 90}, {"TargetGroupArn": green, "Weight": 10},
    ]}}]);
    let weights = "Actions[0].ForwardConfig.TargetGroups[].Weight";
    let modified = format!("elbv2 modify-rule --rule-arn {rule} --actions {action} --query Rules[0].{weights}");
    assert_eq!(aws.call(modified).await, "90\t10");
    assert_eq!(aws.call(format!("elbv2 describe-rules --rule-arns {rule} --query Rules[0].{weights}")).await, "90\t10");
    let states = "--query TargetHealthDescriptions[].TargetHealth.State";
    let health = aws.call(format!("elbv2 describe-target-health --target-group-arn {blue} {states}")).await;
    assert_eq!(health, ["healthy"; 6].join("\t"));
    let missing = aws.call(format!("elbv2 describe-target-health --target-group-arn {blue}0")).await;
    assert!(missing.contains("(TargetGroupNotFound)"), "{missing}");
}

async fn raises_alarms(aws: &AwsCli) {
    let states = "cloudwatch describe-alarms --alarm-names api-5xx-high --query MetricAlarms[].[AlarmName,StateValue]";
    assert_eq!(aws.call(states).await, "api-5xx-high\tOK");
    let reason = "--state-value ALARM --state-reason drill";
    assert_eq!(aws.call(format!("cloudwatch set-alarm-state --alarm-name api-5xx-high {reason}")).await, "");
    let history = "cloudwatch describe-alarm-history --alarm-name api-5xx-high --history-item-type StateUpdate";
    let history = aws.call(format!("{history} --query AlarmHistoryItems[].HistorySummary")).await;
    assert!(history.contains("from OK to ALARM"), "{history}");
    let missing = aws.call(format!("cloudwatch set-alarm-state --alarm-name ghost {reason}")).await;
    assert!(missing.contains("(ResourceNotFound)"), "{missing}");
}

/// Sums, percentiles and metric math over the same periods.
async fn measures(aws: &AwsCli, balancer: &str, group: &str) {
    let dimensions = json!([
        {"Name": "LoadBalancer", "Value": balancer.split_once(":loadbalancer/").unwrap().1},
        {"Name": "TargetGroup", "Value": group.rsplit(':').next().unwrap()},
    ]);
    let query = |id: &str, name: &str, stat: &str| {
        let metric = json!({"Namespace": "AWS/ApplicationELB", "MetricName": name, "Dimensions": dimensions});
        json!({"Id": id, "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}})
    };
    let queries = json!([
        query("p50", "TargetResponseTime", "p50"),
        query("p99", "TargetResponseTime", "p99"),
        query("n", "RequestCount", "Sum"),
        {"Id": "rate", "Expression": "n/60"},
    ]);
    // The world's own time runs ahead of the machine's.
    let now = Clock::system().now().secs();
    let span = format!("--start-time {} --end-time {}", now, now + 86_400);
    let call = format!("cloudwatch get-metric-data {span} --metric-data-queries {queries} --output json");
    let results = async {
        loop {
            let answer: Value = serde_json::from_str(&aws.call(&call).await).unwrap();
            let values = |id: &str| -> Vec<f64> {
                let results = answer["MetricDataResults"].as_array().unwrap();
                let found = results.iter().find(|result| result["Id"] == id).unwrap_or_else(|| panic!("{answer}"));
                found["Values"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
            };
            let results = ["p50", "p99", "n", "rate"].map(values);
            if results.iter().all(|values| values.len() > 2) {
                return results;
            }
        }
    };
    let [p50, p99, count, rate] = timeout(PATIENCE, results).await.unwrap();
    assert!(p50.iter().zip(&p99).all(|(half, most)| 0.0 < *half && half < most), "{p50:?} {p99:?}");
    assert_eq!(count.len(), rate.len());
    assert!(count.iter().zip(&rate).all(|(count, rate)| (count / 60.0 - rate).abs() < 1e-6), "{count:?} {rate:?}");
}

async fn keeps_logs(served: &Served) {
    let aws = &served.aws;
    let filtered = "logs filter-log-events --log-group-name /ecs/api --limit 5 --query events[].message --output json";
    let messages: Vec<String> = serde_json::from_str(&aws.call(filtered).await).unwrap();
    assert_eq!(messages.len(), 5);
    let levels = format!("{filtered} --filter-pattern {{$.level=\"WARN\"}}");
    let warnings: Vec<String> = serde_json::from_str(&aws.call(levels).await).unwrap();
    assert!(!warnings.is_empty() && warnings.iter().all(|line| line.contains("WARN")), "{warnings:?}");

    // The CLI puts `stream-` in front of the host of a live tail; a proxy spares it looking that name up.
    let group = aws.call("logs describe-log-groups --query logGroups[0].logGroupArn").await;
    let mut tail = aws
        .command(&format!("logs start-live-tail --log-group-identifiers {group}"))
        .env("HTTP_PROXY", &served.endpoint)
        .env("PYTHONUNBUFFERED", "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    assert!(line.contains("\"level\""), "{line}");
}

/// What a topic was told shows only inside the world: nothing in it receives messages over the network.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_aws_cli_publishes_arrives_as_it_was_written() {
    let Some(tools) = Tools::find("what_the_aws_cli_publishes_arrives_as_it_was_written") else { return };
    let sim = Sim::new(Scenario::named("healthy").unwrap(), 7, Clock::system());
    let listening = listen(sim.clone(), ([127, 0, 0, 1], 0).into(), ListenOptions::default()).await.unwrap();
    let aws = AwsCli::new(tools, vec![("AWS_ENDPOINT_URL", format!("http://{}", listening.address()))]);
    let topic = aws.call("sns list-topics --query Topics[0].TopicArn").await;
    let attributes = json!({"who": {"DataType": "String", "StringValue": "drill"}});
    let publish = format!("sns publish --topic-arn {topic} --message 10%&<rising>+é --message-attributes {attributes}");
    let id = aws.call(format!("{publish} --subject a=b --query MessageId")).await;
    let delivered = sim.with(|world, _| world.deliveries().last().cloned()).unwrap();
    assert_eq!((delivered.message_id, delivered.topic_arn), (id, topic.clone()));
    assert_eq!((delivered.message.as_str(), delivered.subject.as_deref()), ("10%&<rising>+é", Some("a=b")));
    assert_eq!(delivered.attributes, [("who".to_owned(), "drill".to_owned())]);
    let missing = aws.call(format!("sns publish --topic-arn {topic}-ghost --message x")).await;
    assert!(missing.contains("(NotFound)"), "{missing}");
    listening.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_cli_steers_codedeploys_deployments() {
    let Some(tools) = Tools::find("the_aws_cli_steers_codedeploys_deployments") else { return };
    let clock = Clock::starting_at(Clock::system().now(), 60.0);
    let sim = Sim::new(Scenario::named("healthy").unwrap().laid_out(cutover::sim::Layout::TwoTaskSets), 7, clock);
    let listening = listen(sim.clone(), ([127, 0, 0, 1], 0).into(), ListenOptions::default()).await.unwrap();
    let aws = AwsCli::new(tools, vec![("AWS_ENDPOINT_URL", format!("http://{}", listening.address()))]);
    let balancer = json!({"ContainerName": "api", "ContainerPort": 8080});
    let properties = json!({"TaskDefinition": "api", "LoadBalancerInfo": balancer});
    let service = json!({"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}});
    let spec = json!({"version": 1, "Resources": [service]}).to_string();
    let revision = json!({"revisionType": "AppSpecContent", "appSpecContent": {"content": spec}});
    let group = "--application-name api --deployment-group-name api";
    let create = format!("deploy create-deployment {group} --revision {revision} --query deploymentId");
    let until = async |id: &str, wanted: &str| {
        let status = format!("deploy get-deployment --deployment-id {id} --query deploymentInfo.status");
        let reached = async { while aws.call(&status).await != wanted {} };
        timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("{id} was never {wanted}"));
    };

    let first = aws.call(&create).await;
    assert!(aws.call(&create).await.contains("(DeploymentLimitExceededException)"));
    until(&first, "Ready").await;
    let target = format!("deploy get-deployment-target --deployment-id {first} --target-id shop:api");
    let labels = "--query deploymentTarget.ecsTarget.taskSetsInfo[].[taskSetLabel,trafficWeight]";
    assert_eq!(aws.call(format!("{target} {labels}")).await, "Blue\t100.0\nGreen\t0.0");
    let go_on = format!("deploy continue-deployment --deployment-id {first} --deployment-wait-type");
    assert!(aws.call(format!("{go_on} TERMINATION_WAIT")).await.contains("(InvalidDeploymentStatusException)"));
    assert_eq!(aws.call(format!("{go_on} READY_WAIT")).await, "");
    let stop = format!("deploy stop-deployment --deployment-id {first} --auto-rollback-enabled --query status");
    assert_eq!(aws.call(stop).await, "Pending");
    until(&first, "Stopped").await;
    let back = "--query deploymentInfo.rollbackInfo.rollbackDeploymentId";
    let back = aws.call(format!("deploy get-deployment --deployment-id {first} {back}")).await;
    until(&back, "Succeeded").await;
    let listed = aws.call(format!("deploy list-deployments {group} --query deployments")).await;
    assert_eq!(listed, format!("{back}\t{first}"));

    let second = aws.call(&create).await;
    until(&second, "Ready").await;
    let go_on = format!("deploy continue-deployment --deployment-id {second} --deployment-wait-type");
    assert_eq!(aws.call(format!("{go_on} READY_WAIT")).await, "");
    let sets = "ecs describe-services --cluster shop --services api --query services[].taskSets[].[status,externalId]";
    let primary = async { while !aws.call(sets).await.starts_with(&format!("PRIMARY\t{second}")) {} };
    timeout(PATIENCE, primary).await.unwrap();
    assert_eq!(aws.call(format!("{go_on} TERMINATION_WAIT")).await, "");
    until(&second, "Succeeded").await;
    listening.stop().await;
}
