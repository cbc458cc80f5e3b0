//! Caches and databases, with SQL and without.

use super::draw::check;

#[test]
fn commands_of_caches() {
    check(&[
        (
            "otel",
            "client GET 1+1 db.system.name=redis db.query.text=\"GET user:42\"",
            "Cache redis: GET user:{id} (cache)",
        ),
        (
            "otel",
            "client GET 1+1 db.system.name=redis db.namespace=\"0\" db.operation.name=get",
            "Cache redis: GET (cache)",
        ),
        (
            "otel-old",
            "client SET 1+1 db.system=redis db.statement=\"SET cart:7:items ?\"",
            "Cache redis: SET cart:{id}:items (cache)",
        ),
        (
            "otel-old",
            "client GET 1+1 db.system=redis db.statement=\"GET ?\"",
            "Cache redis: GET (cache)",
        ),
        (
            "otel-old",
            "client redis-GET 1+1 db.system=redis db.statement=\"get user:42\" db.operation=GET",
            "Cache redis: GET user:{id} (cache)",
        ),
        (
            "otel-old",
            "client auth 1+1 db.system=redis db.statement=\"AUTH ? ?\"",
            "Cache redis: AUTH (cache)",
        ),
        (
            "otel-old",
            "client EVALSHA 1+1 db.system=redis db.statement=\"EVALSHA da39a3ee5e6b4b0d3255bfef95601890afd80709 ?\"",
            "Cache redis: EVALSHA (cache)",
        ),
        (
            "otel-old",
            "client PIPELINE 1+1 db.system=valkey db.statement=\"SET a ?\\nEXPIRE a ?\\nSET b ?\"",
            "Cache valkey: PIPELINE SET EXPIRE (cache)",
        ),
        (
            "otel-old",
            "client get 1+1 db.system=memcached db.statement=\"get views/users/7\" db.operation=get",
            "Cache memcached: GET views/users/{id} (cache)",
        ),
        (
            "sentry",
            "client GET 'user:42' 1+1 sentry.op=db.redis db.system=redis",
            "Cache redis: GET user:{id} (cache)",
        ),
        (
            "sentry",
            "client SET 'user:42' [Filtered] 1+1 sentry.op=db.redis",
            "Cache : SET user:{id} (cache)",
        ),
        (
            "sentry",
            "client redis.pipeline.execute 1+1 sentry.op=db.redis",
            "Cache : PIPELINE (cache)",
        ),
        (
            "sentry",
            "client user:42 1+1 sentry.op=cache.get cache.key=[\"user:42\",\"user:43\"]",
            "Cache : GET user:{id} (cache)",
        ),
        (
            "sentry",
            "client views/users/7, views/users/8 1+1 sentry.op=cache.get",
            "Cache : GET views/users/{id} (cache)",
        ),
        ("sentry", "client user:42 1+1 sentry.op=cache.put", "Cache : SET user:{id} (cache)"),
        ("sentry", "client - 1+1 sentry.op=cache.flush", "Cache : FLUSH (cache)"),
    ]);
}

#[test]
fn databases_without_sql() {
    check(&[
        (
            "otel",
            "client find users 1+1 db.system.name=mongodb db.operation.name=find db.collection.name=users db.namespace=shop",
            "Database shop: find users (database)",
        ),
        (
            "otel-old",
            "client mongodb.find 1+1 db.system=mongodb db.operation=find db.mongodb.collection=users db.name=shop",
            "Database shop: find users (database)",
        ),
        (
            "otel-old",
            "client users.find 1+1 db.system=mongodb db.statement='{\"find\": \"users\", \"filter\": {\"age\": \"?\"}}'",
            "Database mongodb: find users (database)",
        ),
        (
            "otel-old",
            "client mongodb.getMore 1+1 db.system=mongodb db.statement='{\"getMore\":5,\"collection\":\"users\"}'",
            "Database mongodb: getMore users (database)",
        ),
        (
            "sentry",
            "client {\"aggregate\":\"orders\",\"pipeline\":[]} 1+1 sentry.op=db db.system=mongodb",
            "Database mongodb: aggregate orders (database)",
        ),
        (
            "sentry",
            "client mongodb.insert 1+1 sentry.op=db.mongodb db.operation=insert db.mongodb.collection=users",
            "Database : insert users (database)",
        ),
        (
            "otel",
            "client search 1+1 db.system.name=elasticsearch http.request.method=POST url.full=https://es:9200/products-2026.11.23/_search?size=10",
            "Database elasticsearch: POST /products-{id}.{id}.{id}/_search (database)",
        ),
        (
            "otel",
            "client search products 1+1 db.system.name=elasticsearch db.operation.name=search db.collection.name=products",
            "Database elasticsearch: search products (database)",
        ),
        (
            "otel-old",
            "client Elasticsearch/products/_doc/abc 1+1 db.system=elasticsearch elasticsearch.method=GET elasticsearch.url=/products/_doc/abc",
            "Database elasticsearch: GET /products/_doc/{id} (database)",
        ),
        (
            "sentry",
            "client GET /products/_search 1+1 sentry.op=db.elasticsearch",
            "Database : GET /products/_search (database)",
        ),
        (
            "otel",
            "client PUT 1+1 db.system.name=opensearch http.request.method=PUT url.full=http://os:9200/users/_create/7",
            "Database opensearch: PUT /users/_create/{id} (database)",
        ),
        (
            "otel-old",
            "client q 1+1 db.system=cassandra db.statement=\"SELECT * FROM ks.users WHERE id = ?\" db.name=ks",
            "Database ks: SELECT ks.users (database)",
        ),
        (
            "otel-old",
            "client q 1+1 db.system=cassandra db.operation=SELECT db.cassandra.table=users",
            "Database cassandra: SELECT users (database)",
        ),
        (
            "otel-old",
            "client GetItem 1+1 db.system=dynamodb db.operation=GetItem aws.dynamodb.table_names=[\"users\"]",
            "Database dynamodb: GetItem users (database)",
        ),
        (
            "otel",
            "client q 1+1 db.system.name=azure.cosmosdb db.operation.name=query_items db.collection.name=carts",
            "Database azure.cosmosdb: query_items carts (database)",
        ),
    ]);
}

#[test]
fn statements() {
    check(&[
        ("otel", "select * from users where id = $1 1+1 db.namespace=shop", "-"),
        (
            "otel",
            "SELECT * FROM users WHERE id = $1 1+1 db.namespace=shop",
            "Database shop: SELECT users (database)",
        ),
        (
            "otel-old",
            "SELECT * FROM users WHERE id = 7 1+1",
            "Database postgresql: SELECT users (database)",
        ),
        (
            "sentry",
            "client select a from users 1+1 sentry.op=db.sql.query",
            "Database : SELECT users (database)",
        ),
        (
            "otel",
            "client q 1+1 db.system.name=mysql db.query.summary=\"get user by id\" db.query.text=\"SELECT 1\"",
            "Database mysql: get user by id (database)",
        ),
        (
            "otel",
            "client q 1+1 db.system.name=mysql db.stored_procedure.name=totals",
            "Database mysql: CALL totals (database)",
        ),
        (
            "otel-old",
            "client pg-pool.connect 1+1 db.system=postgresql net.peer.name=db",
            "Connect db: acquire (connection_setup)",
        ),
        (
            "otel-old",
            "client redis-connect 1+1 db.system=redis net.peer.name=cache",
            "Connect cache: connect (connection_setup)",
        ),
        ("otel-old", "internal SELECT 1+1 db.system=postgresql", "-"),
    ]);
}
