import AMQPCore

/// What the client holds for its peer, by its own counters: in proportion to what it was sent, whatever that was.
///
/// libFuzzer's limit on memory is far above what an input of a few hundred octets can fill.
extension ClientRun {
    /// Octets held for each octet read.
    ///
    /// Small frames cost most: a delivery of 46 octets counts as 256, and 14 octets can make an event.
    private static let heldPerOctet = 16
    /// What a call of the owner may leave to be sent beside a message's body, at most.
    private static let callBytes = 4096
    /// A publish that finds no room is told later when there is some.
    private static let eventsPerCall = 1

    func checkHeld() {
        let event = MemoryLayout<ChannelEvent>.stride
        var held = 0
        for owner in self.owners { held += owner.mailbox.queuedBytes + owner.mailbox.queuedEvents * event }
        if held > Self.heldPerOctet * self.readBytes + Self.eventsPerCall * event * self.calls {
            self.fail(
                "\(held) octets wait for the owners of channels: \(self.readBytes) came, \(self.calls) calls were made"
            )
        }
        // An answer is no longer than its question; what the owner gave may wait as long as the socket is full.
        let queued = self.outbox.queuedBytes
        if queued > self.readBytes + self.givenBytes + Self.callBytes * (self.calls + 1) {
            self.fail("\(queued) octets wait for the socket: \(self.readBytes) came, \(self.calls) calls were made")
        }
    }
}
