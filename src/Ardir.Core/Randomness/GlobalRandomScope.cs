namespace Ardir.Core;

/// <summary>
/// Lets code that draws from the global generator (a student's dropout) be repeatable: reseed inside, and the caller's stream
/// comes back on disposal as if nothing had happened. (CUDA generators cannot be read through TorchSharp, so theirs stay reseeded.)
/// </summary>
internal sealed class GlobalRandomScope : IDisposable
{
    private readonly Tensor _saved = torch.random.get_rng_state().DetachFromDisposeScope();

#pragma warning disable CA1822 // only inside a scope may the global stream be reseeded
    public void Reseed(ulong seed)
    {
#pragma warning disable RS0030 // the one place that may: the scope gives the caller's state back
        random.manual_seed((long)seed);
#pragma warning restore RS0030
        if (cuda_is_available()) cuda.manual_seed_all((long)seed);
    }
#pragma warning restore CA1822

    public void Dispose()
    {
        torch.random.set_rng_state(_saved);
        _saved.Dispose();
    }
}
