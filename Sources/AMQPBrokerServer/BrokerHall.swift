import AMQPBroker
import CAMQPSystem
import Glibc
import NIOCore

/// The broker on its event loop, with the sockets of its clients.
// @unchecked Sendable: every `var` is touched on the event loop alone.
final class BrokerHall: @unchecked Sendable {
    let eventLoop: any EventLoop
    private var broker: EmbeddedBroker
    private var channels: [ConnectionID: any Channel] = [:]
    private var timer: (due: UInt64, task: Scheduled<Void>)?
    /// Octets that came in since it was looked how much is held.
    private var unlooked = 0
    private var memoryTimer: Scheduled<Void>?
    private var freed = FreedMemory()
    /// Clients that are not read, because they are blocked.
    private var unread: Set<ConnectionID> = []
    /// Milliseconds between 1970 and the zero of the monotonic clock.
    private let epoch: UInt64
    /// Milliseconds by which a test has jumped ahead.
    private var ahead: UInt64 = 0
    var faults = WireFaults()
    /// Told each time that something may have changed.
    var changed: (@Sendable () -> Void)?

    init(_ settings: BrokerSettings, on eventLoop: any EventLoop) {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let wall = UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
        self.epoch = wall - NIODeadline.now().uptimeNanoseconds / 1_000_000
        self.eventLoop = eventLoop
        self.broker = EmbeddedBroker(settings, now: wall)
    }

    private var now: UInt64 { self.epoch + self.ahead + NIODeadline.now().uptimeNanoseconds / 1_000_000 }

    func connect(_ channel: any Channel) -> ConnectionID {
        let id = self.broker.connect(now: self.now)
        self.channels[id] = channel
        self.act()
        return id
    }

    func receive(_ buffer: ByteBuffer, from id: ConnectionID) {
        buffer.withUnsafeReadableBytes { self.broker.receive($0, from: id, now: self.now) }
        // The broker keeps what comes of who is blocked: the rest may wait in the socket.
        if self.broker.isBlocked(id), self.unread.insert(id).inserted { self.setReading(false, id) }
        self.freed.received(buffer.readableBytes)
        guard let limit = self.broker.settings.memoryLimit else { return }
        self.unlooked += buffer.readableBytes
        if self.unlooked >= max(limit / 64, 65_536) { self.lookAtMemory() }
    }

    /// During an alarm again and again: what ends it is that others take messages out.
    private func lookAtMemory() {
        self.unlooked = 0
        let isTooMuch = self.broker.lookAtMemory(now: self.now)
        guard isTooMuch, self.memoryTimer == nil else { return }
        self.memoryTimer = self.eventLoop.scheduleTask(in: .milliseconds(50)) {
            self.memoryTimer = nil
            self.lookAtMemory()
            self.act()
        }
    }

    private func setReading(_ isReading: Bool, _ id: ConnectionID) {
        self.channels[id]?.setOption(.autoRead, value: isReading).whenFailure { _ in }
    }

    private func readAgain() {
        for id in self.unread where !self.broker.isBlocked(id) {
            self.unread.remove(id)
            self.setReading(true, id)
        }
    }

    func disconnect(_ id: ConnectionID) {
        self.channels[id] = nil
        self.unread.remove(id)
        self.broker.disconnect(id, now: self.now)
        self.act()
    }

    func setCongested(_ isCongested: Bool, _ id: ConnectionID) {
        self.broker.setCongested(isCongested, id, now: self.now)
        self.act()
    }

    func change<R>(_ body: (inout EmbeddedBroker, UInt64) -> R) -> R {
        let result = body(&self.broker, self.now)
        self.act()
        return result
    }

    func look<R>(_ body: (borrowing EmbeddedBroker, UInt64) -> R) -> R { body(self.broker, self.now) }

    /// It is later from now on, and what is due by then is done.
    func jump(_ milliseconds: UInt64) {
        self.ahead += milliseconds
        // Set for a time that has come sooner.
        self.timer?.task.cancel()
        self.timer = nil
        self.broker.tick(now: self.now)
        self.act()
    }

    func cutAll() {
        self.faults.allEnded()
        for id in Array(self.channels.keys) { self.cut(id) }
    }

    private func cut(_ id: ConnectionID) {
        // Its end comes as any other's, by the handler.
        self.channels.removeValue(forKey: id)?.close(promise: nil)
    }

    /// Does what the broker wants done.
    func act() {
        if !self.unread.isEmpty { self.readAgain() }
        for action in self.broker.takeActions() {
            switch action {
            case .send(let id, let octets):
                guard let channel = self.channels[id] else { continue }
                let (count, isCut) = self.faults.pass(octets.count)
                self.write(ByteBuffer(bytes: octets[..<count]), to: channel)
                if isCut { self.cut(id) }
            case .close(let id):
                guard let channel = self.channels.removeValue(forKey: id) else { continue }
                self.write(nil, to: channel)
            }
        }
        self.setTimer()
        self.giveBackMemory()
        self.changed?()
    }

    private func giveBackMemory() {
        let messages = self.broker.heldMessages
        guard self.freed.isLookDue(messages: messages) else { return }
        if self.freed.look(messages: messages, octets: self.broker.heldOctets) { amqp_give_back_memory() }
    }

    /// Writes, or with nil closes behind what is still to be written.
    private func write(_ buffer: ByteBuffer?, to channel: any Channel) {
        guard let due = self.faults.due(now: .now()) else { return Self.writeNow(buffer, to: channel) }
        self.eventLoop.scheduleTask(deadline: due) { Self.writeNow(buffer, to: channel) }
    }

    private static func writeNow(_ buffer: ByteBuffer?, to channel: any Channel) {
        if let buffer { return channel.writeAndFlush(buffer, promise: nil) }
        channel.writeAndFlush(ByteBuffer()).whenComplete { _ in channel.close(promise: nil) }
    }

    private func setTimer() {
        guard let due = self.broker.nextDeadline else { return }
        if let timer = self.timer {
            guard due < timer.due else { return }
            timer.task.cancel()
        }
        let wait = TimeAmount.milliseconds(Int64(due - min(due, self.now)))
        self.timer = (
            due,
            self.eventLoop.scheduleTask(in: wait) {
                self.timer = nil
                self.broker.tick(now: self.now)
                self.act()
            }
        )
    }
}
