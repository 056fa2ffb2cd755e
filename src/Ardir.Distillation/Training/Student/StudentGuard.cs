using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Checks of the student before a run begins.</summary>
internal static class StudentGuard
{
    /// <summary>Refuses a student that would be changed by the conversion to bfloat16 and back.</summary>
    public static void Precision(nn.Module student, TrainerOptions options)
    {
        if (options.Precision != TrainingPrecision.BFloat16) return;
        foreach (var (name, value) in student.state_dict())
        {
            if (value.is_floating_point() && value.dtype != ScalarType.Float32)
                throw new ArgumentException(
                    $"TrainingPrecision.BFloat16 is for students in Float32; this one has '{name}' in {value.dtype}. " +
                    "Call student.to(ScalarType.Float32) or use TrainingPrecision.Full.", nameof(options));
        }
        // TorchSharp's conversion makes a new parameter per module and disposes the old one, so two modules would no longer share it.
        // One module registered under two names is converted once and needs no check.
        var owners = new Dictionary<IntPtr, nn.Module>();
        foreach (var (path, module) in student.named_modules().Prepend((student.GetName(), student)))
        {
            foreach (var (name, parameter) in module.named_parameters(recurse: false))
            {
                if (owners.TryAdd(parameter.Handle, module) || ReferenceEquals(owners[parameter.Handle], module)) continue;
                throw new ArgumentException(
                    $"TrainingPrecision.BFloat16 cannot keep a parameter in two modules; '{name}' of '{path}' is another module's, too. " +
                    "Register one module under both names, or use TrainingPrecision.Full.", nameof(options));
            }
        }
    }
}
