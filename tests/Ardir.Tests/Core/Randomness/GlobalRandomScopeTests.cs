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
}
