"""A shop behind a load balancer, on two AWS servers that others have written.

ELBv2 is moto's; everything else is ministack's. Requests are split by the weights that the listener rule has at the
moment, answered by whatever image each service's task definition names, and show in metrics and logs: an image whose
tag begins with "bad" fails three in ten. The services also answer over HTTP, for smoke checks.

Prints one line of JSON with the names of everything once it all works, and goes on until its standard input ends.
"""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from botocore.config import Config

REGION = "eu-west-1"
ACCOUNT = "123456789012"
CLUSTER = "shop"
GROUP = "/ecs/api"
SERVICES = ("api-blue", "api-green")
REQUESTS_PER_SECOND = 200
FAILED_SHARE = 0.3


class World:
    """The shop and everything it stands on."""

    def __init__(self, ministack, moto):
        def client(service, endpoint):
            return boto3.client(
                service,
                endpoint_url=endpoint,
                region_name=REGION,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(retries={"max_attempts": 2}),
            )

        self.elb = client("elbv2", moto)
        self.ec2 = client("ec2", moto)
        self.ecs, self.cloudwatch, self.logs, self.sns, self.sqs = (
            client(service, ministack) for service in ("ecs", "cloudwatch", "logs", "sns", "sqs")
        )
        self.token = {}

    def set_up(self):
        """Builds it all; the names that a configuration needs."""
        names = self.set_up_balancer()
        self.set_up_services()
        self.logs.create_log_group(logGroupName=GROUP)
        names["alarms"] = self.set_up_alarms()
        topic = self.sns.create_topic(Name="releases")["TopicArn"]
        queue = self.sqs.create_queue(QueueName="releases")["QueueUrl"]
        queue_arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:releases"
        self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
        names |= {"topic": topic, "queue": queue}
        return names

    def set_up_balancer(self):
        vpc = self.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        subnets = [subnet["SubnetId"] for subnet in self.ec2.describe_subnets()["Subnets"][:2]]
        balancer = self.elb.create_load_balancer(Name="shop", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
        self.groups = {}
        for index, service in enumerate(SERVICES):
            made = self.elb.create_target_group(
                Name=service, Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip"
            )
            group = made["TargetGroups"][0]["TargetGroupArn"]
            targets = [{"Id": f"172.31.{index}.{host}", "Port": 8080} for host in (10, 11)]
            self.elb.register_targets(TargetGroupArn=group, Targets=targets)
            self.groups[service] = group
        nothing = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
        listener = self.elb.create_listener(
            LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[nothing]
        )["Listeners"][0]["ListenerArn"]
        weights = zip(self.groups.values(), (100, 0))
        forward = [{"TargetGroupArn": group, "Weight": weight} for group, weight in weights]
        self.rule = self.elb.create_rule(
            ListenerArn=listener,
            Priority=1,
            Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
            Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": forward}}],
        )["Rules"][0]["RuleArn"]
        self.balancer = balancer.split(":loadbalancer/")[1]
        return {"rule": self.rule, "groups": [self.groups[service] for service in SERVICES]}

    def set_up_services(self):
        self.ecs.create_cluster(clusterName=CLUSTER)
        self.ecs.register_task_definition(
            family="api",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[
                {"name": "proxy", "image": "envoy:1", "essential": False},
                {
                    "name": "api",
                    "image": "registry.test/api:4f2c1e9",
                    "essential": True,
                    "environment": [{"name": "STAGE", "value": "production"}],
                    "portMappings": [{"containerPort": 8080}],
                },
            ],
            tags=[{"key": "team", "value": "shop"}],
        )
        for service, desired in zip(SERVICES, (2, 0)):
            self.ecs.create_service(
                cluster=CLUSTER,
                serviceName=service,
                taskDefinition="api",
                desiredCount=desired,
                launchType="FARGATE",
                loadBalancers=[
                    {"targetGroupArn": self.groups[service], "containerName": "api", "containerPort": 8080}
                ],
            )

    def set_up_alarms(self):
        """One that the traffic keeps quiet, and one that stays in the state it is set to."""
        for name, metric in (("api-5xx-high", "HTTPCode_Target_5XX_Count"), ("queue-age", "Age")):
            self.cloudwatch.put_metric_alarm(
                AlarmName=name,
                Namespace="AWS/ApplicationELB" if name == "api-5xx-high" else "Shop",
                MetricName=metric,
                Statistic="Sum",
                Period=60,
                EvaluationPeriods=1,
                Threshold=1_000_000,
                ComparisonOperator="GreaterThanThreshold",
            )
            self.cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="quiet")
        return ["api-5xx-high", "queue-age"]

    def image_of(self, service):
        """The image that a service is to run, or None if it is to run none."""
        found = self.ecs.describe_services(cluster=CLUSTER, services=[service])["services"][0]
        if found["runningCount"] == 0:
            return None
        definition = self.ecs.describe_task_definition(taskDefinition=found["taskDefinition"])["taskDefinition"]
        return next(it["image"] for it in definition["containerDefinitions"] if it["name"] == "api")

    def weight_of(self, service):
        forward = self.elb.describe_rules(RuleArns=[self.rule])["Rules"][0]["Actions"][0]["ForwardConfig"]
        weights = {group["TargetGroupArn"]: group["Weight"] for group in forward["TargetGroups"]}
        return weights[self.groups[service]]

    def serve_a_second(self, now):
        """One second of traffic."""
        for service in SERVICES:
            image = self.image_of(service)
            if image is None:
                continue
            requests = REQUESTS_PER_SECOND * self.weight_of(service) // 100
            failed = int(requests * FAILED_SHARE) if version_of(image).startswith("bad") else 0
            self.put_metrics(service, now, requests, failed)
            self.put_logs(service, now, requests, failed)

    def put_metrics(self, service, now, requests, failed):
        balanced = [
            {"Name": "LoadBalancer", "Value": self.balancer},
            {"Name": "TargetGroup", "Value": self.groups[service].split(":")[-1]},
        ]
        data = []
        if requests > 0:
            data.append({"MetricName": "RequestCount", "Value": requests, "Unit": "Count"})
            data += [{"MetricName": "TargetResponseTime", "Value": time, "Unit": "Seconds"} for time in (0.08, 0.2)]
        # As the load balancer does, nothing is told of what did not happen.
        if failed > 0:
            data.append({"MetricName": "HTTPCode_Target_5XX_Count", "Value": failed, "Unit": "Count"})
        if data:
            data = [datum | {"Timestamp": now, "Dimensions": balanced} for datum in data]
            self.cloudwatch.put_metric_data(Namespace="AWS/ApplicationELB", MetricData=data)
        of_service = [{"Name": "ClusterName", "Value": CLUSTER}, {"Name": "ServiceName", "Value": service}]
        load = {"MetricName": "CPUUtilization", "Value": 41.5, "Unit": "Percent"}
        load |= {"Timestamp": now, "Dimensions": of_service}
        self.cloudwatch.put_metric_data(Namespace="AWS/ECS", MetricData=[load])

    def put_logs(self, service, now, requests, failed):
        for arn in self.ecs.list_tasks(cluster=CLUSTER, serviceName=service)["taskArns"]:
            stream = f"api/api/{arn.split('/')[-1]}"
            if stream not in self.token:
                self.logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
                self.token[stream] = None
            line = json.dumps({"level": "ERROR" if failed else "INFO", "msg": f"{service}: {requests} requests"})
            event = {"timestamp": int(now * 1000), "message": line}
            self.logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=[event])


def version_of(image):
    return image.rsplit(":", 1)[-1]


def answerer(world):
    """Answers `/SERVICE/healthz` and `/SERVICE/version` as the service's image would."""

    class Answerer(BaseHTTPRequestHandler):
        def do_GET(self):
            _, service, path = self.path.split("/", 2)
            image = world.image_of(service)
            bodies = {"healthz": {"status": "ok"}, "version": {"version": image and version_of(image)}}
            status = 503 if image is None else 200 if path in bodies else 404
            body = json.dumps(bodies.get(path, {})).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Answerer


def main():
    world = World(*sys.argv[1:])
    names = world.set_up()
    server = ThreadingHTTPServer(("127.0.0.1", 0), answerer(world))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    names["urls"] = [f"http://127.0.0.1:{server.server_port}/{service}" for service in SERVICES]
    world.serve_a_second(time.time())
    print(json.dumps(names), flush=True)
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    while not over.wait(1):
        world.serve_a_second(time.time())


main()
