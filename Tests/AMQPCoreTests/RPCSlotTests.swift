import AMQPCore
import AMQPWire
import Testing

@Suite struct RPCSlotTests {
    @Test func `C62: a reply without a request is unexpected`() {
        var slot = RPCSlot()
        #expect(!slot.isWaiting)
        #expect(slot.replyReceived(.queueDeclareOk) == .unexpected)
    }

    @Test func `C62: the expected reply is delivered once`() {
        var slot = RPCSlot()
        slot.expect(.queueDeclareOk)
        #expect(slot.isWaiting)
        #expect(slot.replyReceived(.queueDeclareOk) == .deliver)
        #expect(!slot.isWaiting)
        #expect(slot.replyReceived(.queueDeclareOk) == .unexpected)
    }

    @Test func `C62: another reply is unexpected, and the request goes on waiting`() {
        var slot = RPCSlot()
        slot.expect(.queueDeclareOk)
        #expect(slot.replyReceived(.queueBindOk) == .unexpected)
        #expect(slot.replyReceived(.queueDeclareOk) == .deliver)
    }

    @Test func `C62: a second request before the first is answered is its owner's mistake, and never sent`() async {
        await #expect(processExitsWith: .failure) {
            var slot = RPCSlot()
            slot.expect(.queueDeclareOk)
            slot.expect(.queueBindOk)
        }
    }

    @Test(arguments: [MethodID.basicGetOk, .basicGetEmpty])
    func `C59: basic.get has two answers, and takes one`(answer: MethodID) {
        var slot = RPCSlot()
        slot.expect(.basicGetOk, or: .basicGetEmpty)
        #expect(slot.replyReceived(answer) == .deliver)
        #expect(slot.replyReceived(.basicGetOk) == .unexpected)
        #expect(slot.replyReceived(.basicGetEmpty) == .unexpected)
    }

    @Test func `C63: after a reset the late reply is unexpected`() {
        var slot = RPCSlot()
        slot.expect(.basicGetOk, or: .basicGetEmpty)
        slot.reset()
        #expect(slot.replyReceived(.basicGetEmpty) == .unexpected)
    }
}
