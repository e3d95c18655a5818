import AMQPClient
import Testing

@Suite struct ChannelLifeTests {
    private func open() -> ChannelLife {
        var life = ChannelLife()
        #expect(life.open() == .sendOpen)
        #expect(life.openOkReceived() == .opened)
        return life
    }

    @Test func `C31: a number is opened once`() {
        var life = ChannelLife()
        #expect(!life.isOpen)
        #expect(life.open() == .sendOpen)
        #expect(life.open() == .taken)
        #expect(!life.isOpen)
        #expect(life.openOkReceived() == .opened)
        #expect(life.isOpen)
        #expect(life.openOkReceived() == .unexpected)
    }

    @Test func `C33: once closed, nothing more may be sent, and a second close is none`() {
        var life = self.open()
        #expect(life.close() == .sendClose)
        #expect(!life.isOpen)
        #expect(life.close() == .notOpen)
        #expect(life.closeOkReceived() == .free)
        #expect(life.state == .free)
    }

    @Test func `C35 C36: the broker's close is answered once and the number is free`() {
        var life = self.open()
        #expect(life.closeReceived() == .answerAndFree)
        #expect(!life.isOpen)
        #expect(life.closeReceived() == .ignore)  // C38
        #expect(life.state == .free)
    }

    @Test func `C37: while a number opens, a close is a leftover of its last life`() {
        var life = ChannelLife()
        _ = life.open()
        #expect(life.closeReceived() == .ignore)
        #expect(life.openOkReceived() == .opened)
    }

    enum Event { case closeReceived, closeOkReceived }
    static let crossings: [[Event]] = [
        [.closeReceived, .closeOkReceived],
        [.closeReceived, .closeReceived, .closeOkReceived],
        [.closeReceived, .closeReceived, .closeReceived, .closeOkReceived],
    ]

    @Test(arguments: crossings)
    func `C38 C39 C40: closes that cross are answered once, and the number is free with theirs`(events: [Event]) {
        var life = self.open()
        #expect(life.close() == .sendClose)
        var answers = 0
        for event in events {
            #expect(life.state != .free)
            switch event {
            case .closeReceived: answers += life.closeReceived() == .answerAndWait ? 1 : 0
            case .closeOkReceived: #expect(life.closeOkReceived() == .free)
            }
        }
        #expect(answers == 1)
        #expect(life.state == .free)
    }

    @Test func `C42: closes and close-oks for a number that is not in use`() {
        var life = ChannelLife()
        #expect(life.closeReceived() == .ignore)
        #expect(life.closeOkReceived() == .unexpected)
        #expect(life.close() == .notOpen)
    }
}
