import Millrace
import NIOCore
import NIOHTTP1

/// One client of a door: requests in, one after the other, answers out.
///
/// On its event loop alone, which is the doors' own: a client that is slow, or hostile, takes time from no job.
final class RequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// Octets of a body, which none of our requests needs.
    private static let longestBody = 65_536
    /// For a whole request, from its first octet or the end of the one before.
    private static let patience = TimeAmount.seconds(15)

    private let router: ControlRouter
    private let rules: DoorRules
    private let actor: String
    private var head: HTTPRequestHead?
    private var bodyLength = 0
    private var deadline: Scheduled<Void>?

    init(_ router: ControlRouter, _ rules: DoorRules, actor: String) {
        self.router = router
        self.rules = rules
        self.actor = actor
    }

    func channelActive(context: ChannelHandlerContext) {
        self.await(context.channel)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.deadline?.cancel()
        context.fireChannelInactive()
    }

    private func await(_ channel: any Channel) {
        self.deadline?.cancel()
        self.deadline = channel.eventLoop.scheduleTask(in: Self.patience) { channel.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            self.bodyLength = 0
        case .body(let buffer):
            self.bodyLength += buffer.readableBytes
            if self.bodyLength > Self.longestBody { context.close(promise: nil) }
        case .end:
            guard let head = self.head else { return }
            self.head = nil
            self.deadline?.cancel()  // now it is our time that passes
            self.answer(head, context.channel)
        }
    }

    private func answer(_ head: HTTPRequestHead, _ channel: any Channel) {
        let wantsText = head.headers["accept"].contains { $0.hasPrefix("text/plain") }
        var request = ControlRequest(
            method: head.method.rawValue,
            target: head.uri,
            actor: self.actor,
            wantsText: wantsText
        )
        request?.wantsJSON = head.headers["accept"].contains { $0.hasPrefix("application/json") }
        let isChange = head.method != .GET && head.method != .HEAD
        let asker = DoorRules.Head(
            isChange: isChange,
            host: head.headers.first(name: "host"),
            origin: head.headers.first(name: "origin"),
            fetchSite: head.headers.first(name: "sec-fetch-site"),
            authorization: head.headers.first(name: "authorization")
        )
        if let refusal = self.rules.refusal(of: asker) {
            return self.write(ControlRouter.failure(refusal.status, refusal.text, request), head, channel)
        }
        guard let request else {
            return self.write(ControlRouter.failure(400, "this is no path", nil), head, channel)
        }
        // The answer may come on any thread, and later.
        self.router.answer(request) { [bound = NIOLoopBound(self, eventLoop: channel.eventLoop)] response in
            channel.eventLoop.execute { bound.value.write(response, head, channel) }
        }
    }

    private func write(_ response: ControlResponse, _ request: HTTPRequestHead, _ channel: any Channel) {
        guard channel.isActive else { return }
        var headers = HTTPHeaders()
        headers.add(name: "content-type", value: response.type.rawValue)
        headers.add(name: "content-length", value: "\(response.body.utf8.count)")
        headers.add(name: "cache-control", value: "no-store")
        headers.add(name: "x-content-type-options", value: "nosniff")
        headers.add(name: "content-security-policy", value: "default-src 'none'")
        headers.add(name: "millrace-exit", value: "\(response.exit)")
        if response.status == 401 { headers.add(name: "www-authenticate", value: "Bearer") }
        if !request.isKeepAlive { headers.add(name: "connection", value: "close") }
        let head = HTTPResponseHead(
            version: request.version,
            status: HTTPResponseStatus(statusCode: response.status),
            headers: headers
        )
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        if request.method != .HEAD {
            channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: response.body))), promise: nil)
        }
        let written = channel.writeAndFlush(HTTPServerResponsePart.end(nil))
        if request.isKeepAlive {
            self.await(channel)
        } else {
            written.whenComplete { _ in channel.close(promise: nil) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
