//! Other services: remote procedures, queues, AWS, HTTP and GraphQL.

use super::draw::check;

#[test]
fn remote_procedures() {
    check(&[
        (
            "otel",
            "client x 1+1 rpc.system.name=grpc rpc.method=shop.Cart/AddItem server.address=cart",
            "Rpc cart: shop.Cart/AddItem (rpc)",
        ),
        (
            "otel-old",
            "client x 1+1 rpc.system=grpc rpc.service=shop.Cart rpc.method=AddItem net.peer.name=cart",
            "Rpc cart: shop.Cart/AddItem (rpc)",
        ),
        (
            "otel-old",
            "client x 1+1 rpc.system=connect_rpc rpc.service=shop.Cart rpc.method=AddItem",
            "Rpc : shop.Cart/AddItem (rpc)",
        ),
        (
            "otel-old",
            "client /shop.Cart/AddItem 1+1 rpc.system=grpc",
            "Rpc : shop.Cart/AddItem (rpc)",
        ),
        (
            "sentry",
            "client unary unary call to /shop.Cart/AddItem 1+1 sentry.op=grpc.client",
            "Rpc : shop.Cart/AddItem (rpc)",
        ),
        (
            "otel",
            "client x 1+1 rpc.system.name=jsonrpc rpc.method=eth_call",
            "Rpc : eth_call (rpc)",
        ),
        (
            "otel",
            "client x 1+1 rpc.system=grpc rpc.service=google.cloud.secretmanager.v1.SecretManagerService rpc.method=AccessSecretVersion server.address=secretmanager.googleapis.com",
            "Rpc secretmanager.googleapis.com: google.cloud.secretmanager.v1.SecretManagerService.AccessSecretVersion (secret_fetch)",
        ),
    ]);
}

#[test]
fn messages() {
    check(&[
        (
            "otel",
            "producer x 1+1 messaging.system=kafka messaging.operation.type=send messaging.operation.name=produce messaging.destination.name=orders",
            "Message orders: publish orders (queue)",
        ),
        (
            "otel-old",
            "producer x 1+1 messaging.system=rabbitmq messaging.operation=publish messaging.destination=amq.gen-JzTY20BRgKO-HjmUJj0wLg",
            "Message (temporary): publish (temporary) (queue)",
        ),
        (
            "otel",
            "producer x 1+1 messaging.system=rabbitmq messaging.destination.temporary=true messaging.destination.name=reply",
            "Message (temporary): publish (temporary) (queue)",
        ),
        (
            "otel",
            "client x 1+1 messaging.system=kafka messaging.operation.name=poll messaging.destination.name=orders",
            "Message orders: receive orders (queue)",
        ),
        (
            "otel",
            "client x 1+1 messaging.system=aws_sqs messaging.operation.type=receive messaging.destination.name=https://sqs.eu-west-1.amazonaws.com/123456789012/orders",
            "Message orders: receive orders (queue)",
        ),
        (
            "otel",
            "producer x 1+1 messaging.system=jms messaging.destination.template=/customers/{id} messaging.destination.name=/customers/7",
            "Message /customers/{id}: publish /customers/{id} (queue)",
        ),
        (
            "sentry",
            "client tasks.mail 1+1 sentry.op=queue.submit.celery messaging.destination.name=default",
            "Message default: publish default (queue)",
        ),
        (
            "sentry",
            "producer orders 1+1 sentry.op=queue.publish messaging.destination.name=orders",
            "Message orders: publish orders (queue)",
        ),
    ]);
}

#[test]
fn operations_of_aws() {
    check(&[
        ("otel", "aws S3.PutObject 1+1", "Rpc S3: S3.PutObject (rpc)"),
        (
            "otel",
            "client S3.PutObject 1+1 rpc.system.name=aws-api rpc.method=S3/PutObject",
            "Rpc S3: S3.PutObject (rpc)",
        ),
        (
            "otel-old",
            "client x 1+1 rpc.system=aws-api rpc.service=AmazonS3 rpc.method=PutObject",
            "Rpc S3: S3.PutObject (rpc)",
        ),
        (
            "otel",
            "aws DynamoDB.GetItem 1+1 aws.dynamodb.table_names=[\"users\"]",
            "Rpc DynamoDB: DynamoDB.GetItem users (database)",
        ),
        ("otel", "aws DynamoDB.ListTables 1+1", "Rpc DynamoDB: DynamoDB.ListTables (database)"),
        (
            "otel",
            "aws SQS.SendMessage 1+1 messaging.destination.name=orders",
            "Rpc SQS: SQS.SendMessage orders (queue)",
        ),
        ("otel", "aws STS.AssumeRole 1+1", "Rpc STS: STS.AssumeRole (credential_lookup)"),
        (
            "otel-old",
            "client x 1+1 rpc.system=aws-api rpc.service=AWSSecurityTokenService rpc.method=AssumeRole",
            "Rpc STS: STS.AssumeRole (credential_lookup)",
        ),
        (
            "otel",
            "client x 1+1 rpc.system=aws-api rpc.service=SecretsManager rpc.method=GetSecretValue",
            "Rpc Secrets Manager: Secrets Manager.GetSecretValue (secret_fetch)",
        ),
        (
            "otel-old",
            "client Ssm.GetParameters 1+1 rpc.system=aws-api rpc.service=Ssm rpc.method=GetParameters",
            "Rpc SSM: SSM.GetParameters (secret_fetch)",
        ),
        (
            "otel",
            "client SecretsManager.GetSecretValue 1+1 rpc.system=aws-api",
            "Rpc Secrets Manager: Secrets Manager.GetSecretValue (secret_fetch)",
        ),
        (
            "otel",
            "client call 1+1 aws.service=AppConfigData aws.operation=GetLatestConfiguration",
            "Rpc AppConfigData: AppConfigData.GetLatestConfiguration (secret_fetch)",
        ),
        (
            "sentry",
            "client aws.secretsmanager.GetSecretValue 1+1",
            "Rpc Secrets Manager: Secrets Manager.GetSecretValue (secret_fetch)",
        ),
        (
            "otel",
            "aws STS.GetCallerIdentity 1+1",
            "Rpc STS: STS.GetCallerIdentity (credential_lookup)",
        ),
        ("sentry", "client aws.s3.PutObject 1+1", "Rpc S3: S3.PutObject (rpc)"),
        (
            "sentry",
            "client aws.dynamodb.Query 1+1 aws.service_id=dynamodb aws.operation_name=Query",
            "Rpc DynamoDB: DynamoDB.Query (database)",
        ),
    ]);
}

#[test]
fn requests() {
    check(&[
        (
            "otel",
            "GET http://api/users/42?limit=10&after=7 1+1",
            "Http api: GET /users/{id}?after&limit (http)",
        ),
        (
            "otel-ruby",
            "GET http://api/users/42?limit=10 1+1",
            "Http api: GET /users/{id}?limit (http)",
        ),
        (
            "sentry",
            "client GET http://api/users/42 1+1 http.query=limit=10",
            "Http api: GET /users/{id}?limit (http)",
        ),
        (
            "sentry-5",
            "GET http://api/users/42?limit=10 1+1",
            "Http api: GET /users/{id}?limit (http)",
        ),
        (
            "otel",
            "client GET 1+1 http.request.method=GET server.address=api url.path=/a url.query=b=1",
            "Http api: GET /a?b (http)",
        ),
        (
            "otel",
            "PUT http://bucket.s3.amazonaws.com/k/7?x-id=PutObject&X-Amz-Date=20261123T100000Z 1+1",
            "Http bucket.s3.amazonaws.com: PUT /k/{id} (http)",
        ),
        (
            "otel",
            "POST http://api/graphql 1+1 graphql.operation.name=GetUser graphql.operation.type=query",
            "Http api: POST /graphql (query GetUser) (http)",
        ),
        (
            "sentry",
            "client POST http://api/graphql (mutation AddItem) 1+1",
            "Http api: POST /graphql (mutation AddItem) (http)",
        ),
        ("sentry", "client POST http://api/graphql (draft) 1+1", "Http api: POST /graphql (http)"),
        (
            "otel",
            "POST https://idp/realms/shop/protocol/openid-connect/token 1+1",
            "Http idp: POST /realms/shop/protocol/openid-connect/token (token_fetch)",
        ),
        (
            "otel",
            "POST https://login/0f8fad5b-d9cb-469f-a165-70867728950e/oauth2/v2.0/token 1+1",
            "Http login: POST /{uuid}/oauth2/v2.0/token (token_fetch)",
        ),
        (
            "otel",
            "GET http://vault:8200/v1/secret/data/app/db 1+1",
            "Http vault: GET /v1/secret/… (secret_fetch)",
        ),
        ("otel", "client - 1+1", "Http :  (http)"),
    ]);
}
