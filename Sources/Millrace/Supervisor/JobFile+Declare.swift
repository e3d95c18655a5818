public import AMQPClient
public import Logging
import NIOCore
import NIOPosix

extension JobFile {
    /// Declares the file's exchanges, queues and bindings on its broker, and closes the connection again.
    ///
    /// - Returns: What can not be had, by name.
    /// - Throws: Why there is no connection.
    public func declareTopology(logger: Logger) throws(AMQPError) -> [String: AMQPError] {
        let logger = logger.plain
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { group.shutdownGracefully { _ in } }
        var last = AMQPError(.invalidSettings, scope: .connection, text: "the job file names no broker")
        for uri in self.connection.uris.shuffled() {
            do throws(AMQPError) {
                let connection = try Connection.connect(
                    to: try self.connection.endpoint(uri),
                    on: group,
                    logger: logger
                )
                defer { connection.close() }
                return try Topology(self).declareAll(on: connection, logger: logger)
            } catch {
                last = error
            }
        }
        throw last
    }
}
