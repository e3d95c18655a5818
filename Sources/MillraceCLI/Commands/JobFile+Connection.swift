import AMQPClient
import Millrace
import NIOPosix

extension JobFile {
    /// A connection for a command, to the first of the file's brokers that takes it.
    ///
    /// - Parameters:
    ///   - name: The connection's, for operators.
    ///   - alarm: Told when the broker blocks it.
    /// - Returns: The open connection.
    /// - Throws: A ``FailoverError``, if none takes it.
    func connect(as name: String, telling alarm: AlarmWatch = AlarmWatch()) throws -> Connection {
        var options = ConnectionOptions()
        options.name = name
        return try Connection.connect(
            toAny: try self.connection.uris.map { try self.connection.endpoint($0) },
            options: options,
            on: MultiThreadedEventLoopGroup(numberOfThreads: 1),
            logger: LoggingOptions.errors,
            delegate: alarm
        )
    }
}
