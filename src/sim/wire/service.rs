//! The AWS services that are simulated, and how each of them names its refusals.

use super::ApiError;

/// One AWS service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Security Token Service.
    Sts,
    /// Elastic Container Service.
    Ecs,
    /// Elastic Load Balancing v2.
    Elbv2,
    /// CloudWatch metrics and alarms.
    CloudWatch,
    /// CloudWatch Logs.
    Logs,
    /// Simple Notification Service.
    Sns,
    /// Elastic Container Registry.
    Ecr,
    /// Secrets Manager.
    SecretsManager,
    /// Relational Database Service.
    Rds,
    /// CodeDeploy.
    CodeDeploy,
    /// AppConfig.
    AppConfig,
    /// DynamoDB.
    DynamoDb,
}

/// How a request was written, and so how its answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// awsJson 1.1.
    Json11,
    /// awsJson 1.0 with awsQuery's error codes in a header.
    Json10,
    /// Form-encoded requests, XML answers.
    Query,
    /// Smithy RPC v2 CBOR with awsQuery's error codes in a header.
    Cbor,
    /// REST with JSON bodies.
    Rest,
}

impl Service {
    /// The name that fault rules filter on.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Ecs => "ecs",
            Self::Elbv2 => "elbv2",
            Self::CloudWatch => "cloudwatch",
            Self::Logs => "logs",
            Self::Sns => "sns",
            Self::Ecr => "ecr",
            Self::SecretsManager => "secretsmanager",
            Self::Rds => "rds",
            Self::CodeDeploy => "codedeploy",
            Self::AppConfig => "appconfig",
            Self::DynamoDb => "dynamodb",
        }
    }

    /// The service whose awsQuery API has this version.
    pub(crate) fn of_version(version: &str) -> Option<Self> {
        match version {
            "2011-06-15" => Some(Self::Sts),
            "2015-12-01" => Some(Self::Elbv2),
            "2010-08-01" => Some(Self::CloudWatch),
            "2010-03-31" => Some(Self::Sns),
            "2014-10-31" => Some(Self::Rds),
            _ => None,
        }
    }

    /// The service and protocol that a target header's prefix names.
    pub(crate) fn of_target(prefix: &str) -> Option<(Self, Protocol)> {
        match prefix {
            "AmazonEC2ContainerServiceV20141113" => Some((Self::Ecs, Protocol::Json11)),
            "Logs_20140328" => Some((Self::Logs, Protocol::Json11)),
            "AmazonEC2ContainerRegistry_V20150921" => Some((Self::Ecr, Protocol::Json11)),
            "CodeDeploy_20141006" => Some((Self::CodeDeploy, Protocol::Json11)),
            "secretsmanager" => Some((Self::SecretsManager, Protocol::Json11)),
            "DynamoDB_20120810" => Some((Self::DynamoDb, Protocol::Json10)),
            "GraniteServiceVersion20100801" => Some((Self::CloudWatch, Protocol::Json10)),
            _ => None,
        }
    }

    /// The XML namespace of its awsQuery answers.
    pub(crate) const fn namespace(self) -> &'static str {
        match self {
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            Self::Elbv2 => "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
            Self::CloudWatch => "http://monitoring.amazonaws.com/doc/2010-08-01/",
            Self::Sns => "http://sns.amazonaws.com/doc/2010-03-31/",
            Self::Rds => "http://rds.amazonaws.com/doc/2014-10-31/",
            Self::Ecs
            | Self::Logs
            | Self::Ecr
            | Self::SecretsManager
            | Self::CodeDeploy
            | Self::AppConfig
            | Self::DynamoDb => "",
        }
    }

    /// Whether its own error codes are awsQuery's short ones.
    const fn short_codes(self) -> bool {
        match self {
            Self::Sts | Self::Elbv2 | Self::CloudWatch | Self::Sns | Self::Rds => true,
            Self::Ecs
            | Self::Logs
            | Self::Ecr
            | Self::SecretsManager
            | Self::CodeDeploy
            | Self::AppConfig
            | Self::DynamoDb => false,
        }
    }

    /// A parameter that cannot be what it is.
    pub(crate) fn invalid(self, message: impl Into<String>) -> ApiError {
        let code = match self {
            Self::Ecs | Self::Logs | Self::Ecr | Self::SecretsManager => "InvalidParameterException",
            Self::Sts | Self::Elbv2 => "ValidationError",
            Self::CloudWatch | Self::Rds => "InvalidParameterValue",
            Self::Sns => "InvalidParameter",
            Self::CodeDeploy => "InvalidInputException",
            Self::AppConfig => "BadRequestException",
            Self::DynamoDb => "ValidationException",
        };
        ApiError { code, message: message.into(), status: 400 }
    }

    /// A parameter that is missing.
    pub(crate) fn missing(self, name: &str) -> ApiError {
        match self {
            Self::CloudWatch => {
                let message = format!("The parameter {name} is required.");
                ApiError { code: "MissingParameter", message, status: 400 }
            }
            Self::Elbv2 => self.invalid(format!("{name} must be specified")),
            Self::CodeDeploy => super::codedeploy::missing(name),
            Self::Sts
            | Self::Ecs
            | Self::Logs
            | Self::Sns
            | Self::Ecr
            | Self::SecretsManager
            | Self::Rds
            | Self::AppConfig
            | Self::DynamoDb => self.invalid(format!("{name} can not be blank.")),
        }
    }

    /// A continuation token that this service never gave out.
    pub(crate) fn bad_token(self) -> ApiError {
        match self {
            Self::CloudWatch => {
                ApiError { code: "InvalidNextToken", message: "The next token is invalid.".into(), status: 400 }
            }
            Self::Elbv2 => self.invalid("Invalid marker"),
            Self::Logs => self.invalid("The specified nextToken is invalid."),
            Self::SecretsManager => {
                ApiError { code: "InvalidNextTokenException", message: "Invalid token".into(), status: 400 }
            }
            Self::Rds => self.invalid("Invalid Marker"),
            Self::CodeDeploy => ApiError {
                code: "InvalidNextTokenException",
                message: "The next token is invalid.".into(),
                status: 400,
            },
            Self::Sts | Self::Ecs | Self::Sns | Self::Ecr | Self::AppConfig | Self::DynamoDb => {
                self.invalid("Invalid token")
            }
        }
    }

    /// Too many requests.
    pub(crate) fn throttled(self) -> ApiError {
        let code = if self.short_codes() { "Throttling" } else { "ThrottlingException" };
        ApiError { code, message: "Rate exceeded".into(), status: 400 }
    }

    /// An operation that this service does not have, or that is not simulated.
    pub(crate) fn unknown_operation(self, operation: &str) -> ApiError {
        if self.short_codes() {
            let message = format!("The action {operation} is not valid for this web service.");
            ApiError { code: "InvalidAction", message, status: 400 }
        } else {
            ApiError {
                code: "UnknownOperationException",
                message: format!("The operation {operation} is not known."),
                status: 400,
            }
        }
    }

    /// Credentials that have expired.
    pub(crate) fn expired(self) -> ApiError {
        let (code, status) = if self.short_codes() { ("ExpiredToken", 403) } else { ("ExpiredTokenException", 400) };
        ApiError { code, message: "The security token included in the request is expired".into(), status }
    }

    /// Credentials that may not do this.
    pub(crate) fn denied(self, operation: &str) -> ApiError {
        let (code, status) = match self {
            Self::Sns => ("AuthorizationError", 403),
            _ if self.short_codes() => ("AccessDenied", 403),
            _ => ("AccessDeniedException", 400),
        };
        let message =
            format!("User is not authorized to perform: {operation} because no identity-based policy allows it");
        ApiError { code, message, status }
    }

    /// A body that cannot be read.
    pub(crate) fn malformed(self) -> ApiError {
        let code = if self.short_codes() { "MalformedInput" } else { "SerializationException" };
        ApiError { code, message: "the request body could not be read".into(), status: 400 }
    }

    /// An internal error of the service (500).
    pub(crate) fn internal(self) -> ApiError {
        let code = match self {
            Self::Ecs | Self::Ecr => "ServerException",
            Self::CloudWatch | Self::SecretsManager => "InternalServiceError",
            Self::AppConfig => "InternalServerException",
            Self::DynamoDb => "InternalServerError",
            Self::Sts | Self::Elbv2 | Self::Logs | Self::Rds | Self::CodeDeploy => "InternalFailure",
            Self::Sns => "InternalError",
        };
        ApiError { code, message: "An internal error occurred.".into(), status: 500 }
    }

    /// A service that cannot answer just now (503).
    pub(crate) fn unavailable(self) -> ApiError {
        let code = if self.short_codes() { "ServiceUnavailable" } else { "ServiceUnavailableException" };
        ApiError { code, message: "The service is temporarily unavailable.".into(), status: 503 }
    }
}
