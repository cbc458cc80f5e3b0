# The Ruby SDK as one of those that are tried at the doors: "shared|fresh COUNT
# [PAUSE_MILLIS]" prints what it is, then a line for each time that credentials
# were asked for. Each client has a chain of its own, as here.
require 'aws-sdk-core'
require 'json'

$stdout.sync = true
Config = Struct.new(
  :profile, :region, :credentials, :instance_profile_credentials_retries,
  :instance_profile_credentials_timeout, :access_key_id, :secret_access_key, :session_token
)

def say(line)
  puts JSON.generate(line)
end

# A client's own defaults are no retries and one second.
def client
  Aws::CredentialProviderChain.new(Config.new(ENV['AWS_PROFILE'], nil, nil, 0, 1)).resolve
end

def micros(begun)
  ((Process.clock_gettime(Process::CLOCK_MONOTONIC) - begun) * 1e6).to_i
end

shared, count = ARGV[0] == 'shared', ARGV[1].to_i
pause = (ARGV[2] || 0).to_f / 1000
say(sdk: Aws::CORE_GEM_VERSION)
provider = nil
count.times do |turn|
  begun = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  begin
    provider = client if provider.nil? || !shared
    key = provider&.credentials&.access_key_id
    say(key ? { key: key[-4..], micros: micros(begun) } : { error: 'no credentials', micros: micros(begun) })
  rescue StandardError => e
    say(error: e.message, micros: micros(begun))
  end
  sleep(pause) if turn + 1 < count
end
