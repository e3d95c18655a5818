import AMQPCore
import Testing

@Suite struct ChannelLifeTests {
    private static func opened() -> ChannelLife {
        var life = ChannelLife()
        _ = life.open()
        _ = life.openOkReceived()
        return life
    }

    @Test func `C31: a number opens once, and only open-ok opens its door`() {
        var life = ChannelLife()
        #expect(!life.isOpen)
        #expect(life.open() == .sendOpen)
        #expect(!life.isOpen)
        #expect(life.open() == .taken)
        #expect(life.openOkReceived() == .opened)
        #expect(life.isOpen)
        #expect(life.open() == .taken)
    }

    @Test func `C31: an open-ok that nobody asked for is unexpected`() {
        var fresh = ChannelLife()
        #expect(fresh.openOkReceived() == .unexpected)
        #expect(fresh.state == .free)
        var open = Self.opened()
        #expect(open.openOkReceived() == .unexpected)
        #expect(open.isOpen)
    }

    @Test func `C33: our close shuts the door at once, and there is one close`() {
        var life = Self.opened()
        #expect(life.close() == .sendClose)
        #expect(!life.isOpen)
        #expect(life.close() == .notOpen)
        #expect(life.open() == .taken)
    }

    @Test func `C33: a number that is free has nothing to close`() {
        var life = ChannelLife()
        #expect(life.close() == .notOpen)
        #expect(life.state == .free)
    }

    @Test func `C35: the broker's close is answered once and frees the number`() {
        var life = Self.opened()
        #expect(life.closeReceived() == .answerAndFree)
        #expect(life.state == .free)
    }

    @Test func `C38: a repeated close of the broker is not answered again`() {
        var life = Self.opened()
        #expect(life.closeReceived() == .answerAndFree)
        #expect(life.closeReceived() == .ignore)
        #expect(life.closeReceived() == .ignore)
    }

    @Test func `C37: while a number opens, a close is a leftover of its last life`() {
        var life = ChannelLife(state: .opening)
        #expect(life.closeReceived() == .ignore)
        #expect(life.state == .opening)
    }

    @Test func `C42: a close for a number not in use is not answered`() {
        var life = ChannelLife()
        #expect(life.closeReceived() == .ignore)
        #expect(life.state == .free)
    }

    @Test func `C63: a channel given up while it opens ignores the late open-ok`() {
        var life = ChannelLife(state: .opening)
        #expect(life.close() == .sendClose)
        #expect(life.openOkReceived() == .ignore)
        #expect(!life.isOpen)
        #expect(life.closeOkReceived() == .free)
    }

    @Test func `C37 C63: a channel given up while it opens does not answer a close of the last life`() {
        var life = ChannelLife(state: .opening)
        #expect(life.close() == .sendClose)
        #expect(life.closeReceived() == .ignore)
        #expect(life.openOkReceived() == .ignore)
        #expect(life.closeReceived() == .answerAndWait)
        #expect(life.closeOkReceived() == .free)
    }

    @Test(arguments: [ChannelLife(), ChannelLife(state: .opening), opened()])
    func `C31: a close-ok without a close of ours is unexpected`(life: ChannelLife) {
        var life = life
        let before = life
        #expect(life.closeOkReceived() == .unexpected)
        #expect(life == before)
    }

    enum Event { case closeReceived, closeOkReceived }
    static let crossings: [[Event]] = [
        [.closeOkReceived],
        [.closeReceived, .closeOkReceived],
        [.closeReceived, .closeReceived, .closeOkReceived],
        [.closeReceived, .closeReceived, .closeReceived, .closeOkReceived],
        [.closeReceived, .closeOkReceived, .closeReceived],
        [.closeOkReceived, .closeReceived],
    ]

    @Test(arguments: crossings)
    func `C38 C39 C40: closes that cross are answered once at most, and close-ok frees the number`(events: [Event]) {
        var life = Self.opened()
        #expect(life.close() == .sendClose)
        var answers = 0
        var isFree = false
        for event in events {
            switch event {
            case .closeReceived:
                let action = life.closeReceived()
                // Theirs alone would free the number, but ours is still out.
                #expect(action == (isFree || answers > 0 ? .ignore : .answerAndWait))
                answers += action == .ignore ? 0 : 1
            case .closeOkReceived:
                #expect(life.closeOkReceived() == .free)
                isFree = true
            }
            #expect((life.state == .free) == isFree)
        }
        #expect(answers == (events.first == .closeReceived ? 1 : 0))
        #expect(life.closeOkReceived() == .unexpected)
    }

    @Test func `C39: a close of ours that has not left is taken back when the broker's comes`() {
        var life = Self.opened()
        #expect(life.close() == .sendClose)
        #expect(life.closeReceived(oursIsUnsent: true) == .takeBackAndFree)
        #expect(life.state == .free)
        #expect(life.closeReceived(oursIsUnsent: true) == .ignore)
        #expect(life.closeOkReceived() == .unexpected)
    }

    @Test func `C37 C39: a close of ours stays queued where theirs is of the number's last life`() {
        var life = ChannelLife(state: .opening)
        #expect(life.close() == .sendClose)
        #expect(life.closeReceived(oursIsUnsent: true) == .ignore)
        #expect(life.closeOkReceived() == .free)
    }

    @Test func `C39 C40: a close-ok is given up only after the closes crossed, and may come later`() {
        var life = Self.opened()
        #expect(life.closeOkMissed() == .ignore)
        #expect(life.close() == .sendClose)
        #expect(life.closeOkMissed() == .ignore, "they have not answered")
        #expect(life.closeReceived() == .answerAndWait)
        #expect(life.closeOkMissed() == .free)
        #expect(life.closeOkMissed() == .ignore)
        #expect(life.open() == .sendOpen)
        #expect(life.closeOkReceived() == .ignore, "of the last life")
        #expect(life.state == .opening)
        #expect(life.openOkReceived() == .opened)
        #expect(life.closeOkReceived() == .unexpected)
    }

    @Test func `C39 C63: a close-ok of the last life ends no wait of the next`() {
        var life = Self.opened()
        _ = (life.close(), life.closeReceived(), life.closeOkMissed(), life.open())
        #expect(life.close() == .sendClose)
        #expect(life.closeOkReceived() == .ignore)
        #expect(life.openOkReceived() == .ignore)
        #expect(life.closeOkReceived() == .free)
    }

    @Test func `C40: a number lives again after either way of closing`() {
        var life = Self.opened()
        _ = life.closeReceived()
        #expect(life.open() == .sendOpen)
        #expect(life.openOkReceived() == .opened)
        _ = life.close()
        _ = life.closeOkReceived()
        #expect(life.open() == .sendOpen)
    }

    @Test func `C40: a close-ok that was given up and never comes costs the next life nothing`() {
        var life = Self.opened()
        _ = (life.close(), life.closeReceived(), life.closeOkMissed(), life.open(), life.openOkReceived())
        #expect(life.close() == .sendClose)
        #expect(life.closeOkReceived() == .free)
        #expect(life.state == .free)
    }
}
