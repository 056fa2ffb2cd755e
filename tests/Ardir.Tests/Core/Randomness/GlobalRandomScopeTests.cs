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
}
