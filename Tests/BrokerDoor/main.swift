import AMQPBroker
import AMQPBrokerServer
import Glibc

// An embedded broker on a loopback port, for tests that take AMQP_URL: `BrokerDoor [RELEASE [PORT]]`. It prints its URI
// and runs until its standard input ends, so that it does not outlive whoever started it.

let arguments = CommandLine.arguments.dropFirst()
let release = arguments.first ?? "3.10"
guard let profile = Profile.of(release), let port = Int(arguments.dropFirst().first ?? "0") else {
    print("BrokerDoor: a release is 3.10, 4.0 or 4.3, a port is a number")
    exit(64)
}
let server = try await BrokerServer.start(
    BrokerSettings(profile: profile),
    at: .tcp(host: "127.0.0.1", port: port)
)
print("AMQP_URL=amqp://guest:guest@127.0.0.1:\(server.port)/%2F")
fflush(nil)
while readLine() != nil {}
await server.stop()
