package import AMQPClient
import Glibc
import Synchronization

/// A TCP proxy on 127.0.0.1 that resets all its connections on demand, with whatever was on its way.
///
/// It may also reset a connection by itself, when the client sends certain octets, which then do not arrive; and keep
/// back what the broker answers from certain octets on. One thread serves them all.
// @unchecked Sendable: the `var`s are touched by the proxy's thread alone, and the rest does not change after `init`.
package final class CuttingProxy: @unchecked Sendable {
    fileprivate struct Link {
        let client: Int32
        let server: Int32
        var toServer: [UInt8] = []
        var toClient: [UInt8] = []
        /// Nothing goes to the client any more.
        var isWithheld = false
    }
    private struct State {
        var isWithholding = false
        var cutsAsked = 0
        var cutsMade = 0
        var linksCut = 0
        var isStopping = false
        /// Ports of this machine from which the broker was connected to, oldest first.
        var sourcePorts: [Int] = []
    }
    private static let hosts = Atomic<UInt32>(1)
    private let sourceHost = 2 + CuttingProxy.hosts.add(1, ordering: .relaxed).newValue % 250
    private let monitor = Monitor(State())
    private let target: Endpoint
    private var trigger: [UInt8]
    private let cutsOnce: Bool
    private let answer: [UInt8]
    /// How many answers still pass before one is withheld; nil when none is.
    private var answersLeft: Int?
    private let wake: (read: Int32, write: Int32)
    private let listener: Int32
    private let port: Int
    private var links: [Link] = []
    private var thread: WorkerThread?

    /// Listens, and connects each client to `target`.
    ///
    /// `trigger` are octets of clients that end their connection, each time or `once`. `answer` are octets of the broker
    /// that are kept back, once, with all that follows on that connection, when `skipped` of them have passed; what
    /// spans two reads is not seen, then it is the next.
    package init(
        to target: Endpoint,
        cuttingAt trigger: [UInt8] = [],
        once: Bool = false,
        withholding answer: [UInt8] = [],
        after skipped: Int = 0
    ) throws {
        self.target = target
        self.trigger = trigger
        self.cutsOnce = once
        self.answer = answer
        self.answersLeft = answer.isEmpty ? nil : skipped
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw PeerFailure("no pipe") }
        self.wake = (ends[0], ends[1])
        (self.listener, self.port) = try PeerListener.listen(backlog: 16)
        self.thread = try WorkerThread.start(name: "proxy") { self.run() }
    }

    /// The way to the broker through the proxy.
    package var endpoint: Endpoint {
        var endpoint = self.target
        endpoint.host = "127.0.0.1"
        endpoint.port = self.port
        return endpoint
    }

    package var sourcePorts: [Int] { self.monitor.withLock { $0.sourcePorts } }

    /// What the broker calls its clients: an address that no other proxy and no other test connects from, since a port
    /// is used again as soon as it is reset.
    package var sourceAddress: String { "127.0.0.\(self.sourceHost)" }

    /// Waits until an answer is withheld.
    package func waitUntilWithholding() -> Bool {
        self.monitor.wait(until: MonotonicClock.deadline(in: Patience.long)) { $0.isWithholding ? true : nil } ?? false
    }

    /// Resets every connection; returns when that is done, with their number.
    @discardableResult
    package func cut() -> Int {
        let (number, before) = self.monitor.withLock { state in
            state.cutsAsked += 1
            return (state.cutsAsked, state.linksCut)
        }
        self.poke()
        let after: Int? = self.monitor.wait(until: MonotonicClock.deadline(in: Patience.long)) { state in
            state.cutsMade >= number ? state.linksCut : nil
        }
        return (after ?? before) - before
    }

    /// Resets every connection and ends; call it once.
    package func stop() {
        self.monitor.withLock { $0.isStopping = true }
        self.poke()
        self.thread?.join()
    }

    private func poke() {
        var octet: UInt8 = 1
        _ = write(self.wake.write, &octet, 1)
    }

    // MARK: Its thread

    private static let bufferLimit = 1 << 18

    private func run() {
        while true {
            var polled = [
                pollfd(fd: self.wake.read, events: Int16(POLLIN), revents: 0),
                pollfd(fd: self.listener, events: Int16(POLLIN), revents: 0),
            ]
            for link in self.links {
                polled.append(Self.polled(link.client, reads: link.toServer, writes: link.toClient))
                polled.append(Self.polled(link.server, reads: link.toClient, writes: link.toServer))
            }
            guard poll(&polled, nfds_t(polled.count), -1) >= 0 || errno == EINTR else { return }
            if polled[0].revents != 0, self.obey() { return }
            if polled[1].revents != 0 { self.accept() }
            for index in self.links.indices.reversed() where !self.relay(index) {
                self.reset(self.links.remove(at: index))
            }
        }
    }

    /// Moves what can be moved; false when one side has ended, or is to end.
    private func relay(_ index: Int) -> Bool {
        guard self.links[index].readClient() else { return false }
        if Link.range(of: self.trigger, in: self.links[index].toServer[...]) != nil {
            if self.cutsOnce { self.trigger = [] }
            return false
        }
        let known = self.links[index].toClient.count
        guard self.links[index].readServer() else { return false }
        self.withhold(&self.links[index], from: known)
        return self.links[index].write()
    }

    private func withhold(_ link: inout Link, from known: Int) {
        if link.isWithheld { return link.toClient.removeSubrange(known...) }
        var rest = link.toClient[known...]
        while let left = self.answersLeft, let found = Link.range(of: self.answer, in: rest) {
            self.answersLeft = left > 0 ? left - 1 : nil
            rest = rest[found.upperBound...]
            guard left == 0 else { continue }
            link.isWithheld = true
            link.toClient.removeSubrange(found.lowerBound...)
            self.monitor.withLock { $0.isWithholding = true }
            self.monitor.broadcast()
        }
    }

    private static func polled(_ descriptor: Int32, reads: [UInt8], writes: [UInt8]) -> pollfd {
        var events: Int32 = 0
        if reads.count < Self.bufferLimit { events |= POLLIN }
        if !writes.isEmpty { events |= POLLOUT }
        return pollfd(fd: descriptor, events: Int16(events), revents: 0)
    }

    /// Cuts, or ends.
    ///
    /// - Returns: Whether it ended.
    private func obey() -> Bool {
        var octets = [UInt8](repeating: 0, count: 64)
        _ = read(self.wake.read, &octets, octets.count)
        let (asked, isStopping) = self.monitor.withLock { ($0.cutsAsked, $0.isStopping) }
        let cut = self.links
        for link in cut { self.reset(link) }
        self.links = []
        self.monitor.withLock { state in
            state.cutsMade = asked
            state.linksCut += cut.count
        }
        self.monitor.broadcast()
        if isStopping {
            for descriptor in [self.listener, self.wake.read, self.wake.write] { close(descriptor) }
        }
        return isStopping
    }

    private func accept() {
        let client = Glibc.accept(self.listener, nil, nil)
        guard client >= 0 else { return }
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var source = PeerListener.address(port: 0)
        source.sin_addr = in_addr(s_addr: (UInt32(0x7F00_0000) | self.sourceHost).bigEndian)
        var address = PeerListener.address(port: self.target.port)
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        // The socket calls want their general address type.
        let isBound = withUnsafePointer(to: &source) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(server, $0, size) == 0 }
        }
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { isBound && connect(server, $0, size) == 0 }
        }
        let link = Link(client: client, server: server)
        guard isConnected else { return self.reset(link) }
        for descriptor in [client, server] {
            var on: Int32 = 1
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        }
        let port = PeerListener.port(of: server)
        self.monitor.withLock { $0.sourcePorts.append(port) }
        self.links.append(link)
    }

    /// Closes without a farewell: each side gets a reset instead of an end of stream.
    ///
    /// Closing alone is not enough: a program that another test started meanwhile has a copy of the socket.
    private func reset(_ link: Link) {
        for descriptor in [link.client, link.server] {
            var nowhere = sockaddr()
            nowhere.sa_family = sa_family_t(AF_UNSPEC)
            connect(descriptor, &nowhere, socklen_t(MemoryLayout<sockaddr>.size))
            var abrupt = linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &abrupt, socklen_t(MemoryLayout<linger>.size))
            close(descriptor)
        }
    }
}

extension CuttingProxy.Link {
    fileprivate mutating func readClient() -> Bool { Self.read(self.client, into: &self.toServer) }
    fileprivate mutating func readServer() -> Bool { Self.read(self.server, into: &self.toClient) }

    fileprivate mutating func write() -> Bool {
        Self.write(&self.toServer, to: self.server) && Self.write(&self.toClient, to: self.client)
    }

    fileprivate static func range(of wanted: [UInt8], in octets: ArraySlice<UInt8>) -> Range<Int>? {
        guard let first = wanted.first else { return nil }
        let start = octets.indices.first { octets[$0] == first && octets[$0...].starts(with: wanted) }
        return start.map { $0..<$0 + wanted.count }
    }

    private static func read(_ descriptor: Int32, into buffer: inout [UInt8]) -> Bool {
        guard buffer.count < 1 << 18 else { return true }
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(descriptor, &piece, piece.count, 0)
        if count > 0 { buffer.append(contentsOf: piece[..<count]) }
        return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))
    }

    private static func write(_ buffer: inout [UInt8], to descriptor: Int32) -> Bool {
        guard !buffer.isEmpty else { return true }
        let count = send(descriptor, buffer, buffer.count, Int32(MSG_NOSIGNAL))
        if count > 0 { buffer.removeFirst(count) }
        return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))
    }
}
