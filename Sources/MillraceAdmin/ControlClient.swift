import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// What a supervisor answered.
package struct ControlAnswer: Sendable {
    /// As HTTP has it.
    package let status: Int
    /// What a command ends with.
    package let exit: Int32
    package let body: String
}

/// Speaks to the socket of a supervisor: one request, one answer.
package struct ControlClient {
    package enum Verb: Sendable { case get, post }

    /// Nobody is there: status 3.
    package struct Nobody: Error, CustomStringConvertible {
        package let description: String
    }

    private let socket: String

    package init(socket: String) { self.socket = socket }

    /// Asks, and waits for the answer.
    ///
    /// - Parameters:
    ///   - verb: Whether something is to change.
    ///   - path: With its query.
    ///   - wantsText: Whether for people.
    ///   - patience: How long; to read a file and its plugins may take the supervisor a while.
    /// - Returns: What it says.
    /// - Throws: ``Nobody``.
    @available(*, noasync, message: "it blocks its thread")
    package func ask(
        _ verb: Verb,
        _ path: String,
        wantsText: Bool,
        patience: Duration = .seconds(60)
    ) throws -> ControlAnswer {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { try? group.syncShutdownGracefully() }
        let answer = group.next().makePromise(of: ControlAnswer.self)
        let limit = group.next().scheduleTask(in: TimeAmount(patience)) {
            answer.fail(Nobody(description: "the supervisor at \(self.socket) does not answer"))
        }
        defer { limit.cancel() }
        let channel: any Channel
        do {
            channel = try ClientBootstrap(group: group)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        try channel.pipeline.syncOperations.addHandler(AnswerHandler(answer))
                    }
                }
                .connect(unixDomainSocketPath: self.socket).wait()
        } catch {
            answer.fail(error)
            throw Nobody(description: "no supervisor at \(self.socket): \(Self.reason(error))")
        }
        var head = HTTPRequestHead(version: .http1_1, method: verb == .get ? .GET : .POST, uri: path)
        head.headers.add(name: "host", value: "localhost")
        head.headers.add(name: "accept", value: wantsText ? "text/plain" : "application/json")
        head.headers.add(name: "content-length", value: "0")
        head.headers.add(name: "connection", value: "close")
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
        return try answer.futureResult.wait()
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        return String(cString: strerror(error.errnoCode))
    }
}

/// Puts one answer together.
private final class AnswerHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let answer: EventLoopPromise<ControlAnswer>
    private var status = 0
    private var exit: Int32 = 0
    private var body = ""
    private var isDone = false

    init(_ answer: EventLoopPromise<ControlAnswer>) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.status = Int(head.status.code)
            self.exit = head.headers.first(name: "millrace-exit").flatMap { Int32($0) } ?? 0
        case .body(let buffer): self.body += String(buffer: buffer)
        case .end:
            self.isDone = true
            self.answer.succeed(ControlAnswer(status: self.status, exit: self.exit, body: self.body))
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !self.isDone { self.answer.fail(ControlClient.Nobody(description: "the supervisor hung up")) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.answer.fail(error)
        context.close(promise: nil)
    }
}
