# A Rails application that uploads to S3, watched by sentry-rails.
#
# GET /up?n=10&mode=a   n uploads through one shared client
# GET /up?n=10&mode=b   n uploads, a new client for each
#
# Prints `ready http://127.0.0.1:PORT` once it listens. What it talks to comes
# from SENTRY_DSN, S3_ENDPOINT and the AWS variables.

require "rails"
require "action_controller/railtie"
require "sentry-rails"
require "aws-sdk-s3"
require "puma"
require "puma/server"

Sentry.init do |config|
  config.dsn = ENV.fetch("SENTRY_DSN")
  config.traces_sample_rate = 1.0
  config.logger = Logger.new($stderr, level: Logger::WARN)
end

class UploadsApp < Rails::Application
  config.root = ENV.fetch("APP_ROOT")
  config.eager_load = false
  config.secret_key_base = "only-for-tests"
  config.hosts.clear
  config.logger = Logger.new($stderr, level: Logger::WARN)
  routes.append { get "/up" => "uploads#create" }
end

class UploadsController < ActionController::Base
  def self.client
    Aws::S3::Client.new(endpoint: ENV.fetch("S3_ENDPOINT"), force_path_style: true)
  end

  def self.shared
    @shared ||= client
  end

  def create
    count = params[:n].to_i
    count.times do |record|
      client = params[:mode] == "b" ? self.class.client : self.class.shared
      client.put_object(bucket: "lab", key: "ruby/#{record}", body: "x")
    end
    render plain: count.to_s
  end
end

Rails.application.initialize!
server = Puma::Server.new(Rails.application)
server.add_tcp_listener("127.0.0.1", 0)
server.run
puts "ready http://127.0.0.1:#{server.connected_ports.first}"
$stdout.flush
sleep
