import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle

/// HTTP/1.1 on 127.0.0.1, for the routes; a framework such as Hummingbird does this and more.
struct WebService: Service {
    private typealias Client = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>
    private static let largestBody = 1 << 20

    let port: Int
    let routes: OrderRoutes
    let logger: Logger

    func run() async throws {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: "127.0.0.1", port: self.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
                    return try Client(wrappingChannelSynchronously: channel)
                }
            }
        self.logger.info("listens on port \(server.channel.localAddress?.port ?? self.port)")
        try await withThrowingDiscardingTaskGroup { group in
            try await server.executeThenClose { clients in
                for try await client in clients.cancelOnGracefulShutdown() {
                    group.addTask { await self.serve(client) }
                }
            }
        }
    }

    /// One connection: requests one after the other, until it or the server ends.
    private func serve(_ client: Client) async {
        do {
            try await client.executeThenClose { requests, answers in
                var head: HTTPRequestHead?
                var body: [UInt8] = []
                for try await part in requests.cancelOnGracefulShutdown() {
                    switch part {
                    case .head(let new):
                        head = new
                        body = []
                    case .body(let octets):
                        // One octet too many tells that it is too large.
                        body += octets.readableBytesView.prefix(Self.largestBody + 1 - body.count)
                    case .end:
                        guard let head else { return }
                        let answer =
                            body.count > Self.largestBody
                            ? Answer(413, error: "more than \(Self.largestBody) octets")
                            : await self.routes.answer(head.method.rawValue, head.uri, body)
                        try await Self.send(answer, answers)
                        if !head.isKeepAlive { return }
                    }
                }
            }
        } catch {
            self.logger.debug("a client's connection ended", metadata: ["error": "\(error)"])
        }
    }

    private static func send(_ answer: Answer, _ answers: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>)
        async throws
    {
        let headers: HTTPHeaders = ["content-type": "application/json", "content-length": "\(answer.body.count)"]
        let status = HTTPResponseStatus(statusCode: answer.status)
        try await answers.write(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers)))
        try await answers.write(.body(.byteBuffer(ByteBuffer(bytes: answer.body))))
        try await answers.write(.end(nil))
    }
}
