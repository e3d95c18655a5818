public import AMQPClient
public import Logging
import NIOCore
import NIOPosix

extension JobFile {
    /// Declares the file's exchanges, queues and bindings on its broker, and closes the connection again.
    ///
    /// Waits for every answer, up to two minutes each; what takes long holds up nothing else.
    ///
    /// - Returns: What can not be had.
    /// - Throws: Why there is no connection.
    public func declareTopology(logger: Logger) throws(AMQPError) -> [DeclarationFailure] {
        let logger = logger.plain
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { group.shutdownGracefully { _ in } }
        var last = AMQPError(.invalidSettings, scope: .connection, text: "the job file names no broker")
        var random = ProcessRandom()
        for uri in self.connection.uris.shuffled(using: &random) {
            do throws(AMQPError) {
                let endpoint = try self.connection.endpoint(uri)
                let way = Declarer.Way(goesOn: false, logger: logger) { () throws(AMQPError) in
                    try Connection.connect(to: endpoint, on: group, logger: logger)
                }
                let (connection, plan) = try Declarer.connectAndDeclare(Topology(self), way)
                connection.close()
                return plan.failures
            } catch {
                last = error
            }
        }
        throw last
    }
}
