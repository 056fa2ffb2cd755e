using System.Runtime.CompilerServices;
using PostHook = System.Func<TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>,
    TorchSharp.torch.Tensor, TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>;
using PreHook = System.Func<TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>,
    TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>;

namespace Ardir.Core;

/// <summary>Tells whether somebody watches or changes what a layer gets or gives.</summary>
internal static class ModuleHooks
{
    private static readonly Lazy<bool> _canRead = new(CanRead);

    /// <summary>Whether a module has a forward hook of any kind, other than the two of <see cref="FastLayer"/>; true where that cannot
    /// be known.</summary>
    public static bool Has(nn.Module<Tensor, Tensor> module) =>
        !_canRead.Value || (Of<PreHook, PostHook>.Count(module) is > 0 and var count && count > (FastLayer.HasHooks(module) ? 2 : 0));

    /// <summary>Adds hooks for good, by new lists: other threads may be reading the old ones.</summary>
    /// <returns>Whether that was possible.</returns>
    public static bool TryAdd(nn.Module<Tensor, Tensor> module, PreHook before, PostHook after)
    {
        if (!_canRead.Value) return false;
        // That afterwards first: no thread may find the other one alone.
        Of<PreHook, PostHook>.AddAfter(module, after);
        Of<PreHook, PostHook>.AddBefore(module, before);
        return true;
    }

    private static bool CanRead()
    {
        using var module = nn.Identity();
        try
        {
            return Of<PreHook, PostHook>.Count(module) == 0;
        }
        catch (MissingFieldException)
        {
            // Another version of TorchSharp.
            return false;
        }
    }

    // The fields of a generic class can only be reached from one with the same parameters.
    private static class Of<TPreHook, TPostHook>
    {
        private const string Key = nameof(FastLayer);

        public static int Count(nn.HookableModule<TPreHook, TPostHook> module) =>
            PreHooks(module).Count + PostHooks(module).Count + ModulePreHooks(module).Count + ModulePostHooks(module).Count;

        public static void AddBefore(nn.HookableModule<TPreHook, TPostHook> module, TPreHook hook) =>
            PreHooks(module) = new(PreHooks(module)) { [Key] = hook };

        public static void AddAfter(nn.HookableModule<TPreHook, TPostHook> module, TPostHook hook) =>
            PostHooks(module) = new(PostHooks(module)) { [Key] = hook };

        [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "pre_hooks")]
        private static extern ref Dictionary<string, TPreHook> PreHooks(nn.HookableModule<TPreHook, TPostHook> module);

        [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "post_hooks")]
        private static extern ref Dictionary<string, TPostHook> PostHooks(nn.HookableModule<TPreHook, TPostHook> module);

        [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "module_pre_hooks")]
        private static extern ref Dictionary<string, Action<nn.Module>> ModulePreHooks(nn.HookableModule<TPreHook, TPostHook> module);

        [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "module_post_hooks")]
        private static extern ref Dictionary<string, Action<nn.Module>> ModulePostHooks(nn.HookableModule<TPreHook, TPostHook> module);
    }
}
