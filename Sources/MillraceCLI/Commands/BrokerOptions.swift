import AMQPClient
import ArgumentParser
import Glibc
import Millrace

/// Which broker, for commands that need no job file.
struct BrokerOptions: ParsableArguments {
    @Option(help: "The broker: amqp://user:password@host:port/vhost, or amqps:// for TLS. Default: $AMQP_URL.")
    var uri: String?

    @Option(
        help: "The broker of this job file; with `uri: embedded` that of its supervisor, which has to run.",
        completion: .file()
    )
    var file: String?

    func validate() throws {
        if self.uri != nil, self.file != nil {
            throw ValidationError("--uri and --file name a broker each; leave one out")
        }
    }

    /// Where it is: several for a cluster.
    ///
    /// - Throws: The exit status, with the reason told.
    func endpoints() throws -> [Endpoint] {
        var argument = JobFileArgument()
        argument.file = self.file ?? ""
        let connection = try self.file.map { try argument.load().reachable($0).connection }
        do throws(AMQPError) {
            if let connection {
                var endpoints: [Endpoint] = []
                for uri in connection.uris.shuffled() { endpoints.append(try connection.endpoint(uri)) }
                return endpoints
            }
            let address = self.uri ?? getenv("AMQP_URL").map { String(cString: $0) } ?? "amqp://localhost"
            if EmbeddedSettings.isMeant(by: address) {
                let text = "'\(PlainText.line(address))' is inside a supervisor: --file JOBFILE finds the one that runs"
                throw AMQPError(.invalidSettings, scope: .call, text: text)
            }
            return [try Endpoint(uri: address)]
        } catch {
            StandardError.write("\(error)")
            throw ExitCode.usage
        }
    }
}
