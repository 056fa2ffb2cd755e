using Ardir.Core;

namespace Ardir.Tests;

public sealed class GlobalRandomScopeTests
{
    [Fact]
    public void Dispose_AfterReseeding_GivesTheCallersStreamBack()
    {
        using var scope = NewDisposeScope();
        var before = torch.random.get_rng_state();
        Tensor first, second;
        using (var random = new GlobalRandomScope())
        {
            random.Reseed(5);
            first = rand(4);
            random.Reseed(5);
            second = rand(4);
        }
        TensorAssert.Same(second, first);
        TensorAssert.Same(torch.random.get_rng_state(), before);
    }

    [Fact]
    public void Undisturbed_WhileAnotherThreadDraws_TakesTheStateThatStaysOrNone()
    {
        LeakAssert.None(() =>
        {
            using var scope = NewDisposeScope();
            // The second and the third copy were taken at different moments of a draw, the last two between draws.
            var copies = new Queue<int>([1, 2, 3, 4, 4, 5]);
            using var state = GlobalRandomScope.Undisturbed(() => full([3], copies.Dequeue(), ScalarType.Byte));
            TensorAssert.Values(state!).Should().Equal(4, 4, 4);
            var count = 0;
            GlobalRandomScope.Undisturbed(() => full([3], count++ % 200, ScalarType.Byte)).Should().BeNull();
        });
    }

    [Fact]
    public void Undisturbed_CountsThatLibtorchWouldNotTakeBack_AreNotASteadyState()
    {
        using var scope = NewDisposeScope();
        foreach (var (left, position, sound) in new[] { (1, 0, true), (624, 624, true), (0, 5, false), (-3, 5, false), (625, 0, false), (5, 625, false) })
        {
            var state = torch.random.get_rng_state();
            state.numel().Should().Be(5056, "the layout that is looked into");
            Write(state, 8, BitConverter.GetBytes(left));
            Write(state, 16, BitConverter.GetBytes((long)position));
            (GlobalRandomScope.Undisturbed(() => state.clone()) is not null).Should().Be(sound, "{0} left at {1}", left, position);
        }
    }

    private static void Write(Tensor state, int at, byte[] bytes)
    {
        for (var i = 0; i < bytes.Length; i++) state[at + i] = (byte)bytes[i];
    }
}
