using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>
/// The float32 weights behind a student that computes in bfloat16. The student is converted when this is made and gets float32
/// weights back when it is disposed. Batch norm stays in float32, because bfloat16 (eight significant bits) would round small
/// updates of its running statistics away.
/// </summary>
internal sealed class BFloat16Weights : StudentWeights
{
    private readonly Dictionary<IntPtr, Parameter> _masters = [];
    private readonly Dictionary<string, Tensor> _buffers = new(StringComparer.Ordinal);

    public BFloat16Weights(nn.Module<Tensor, Tensor> student) : base(student)
    {
        using var noGrad = no_grad();
        var full = StudentState.Copies(student.state_dict());
        Convert(student, ScalarType.BFloat16);
        foreach (var (name, parameter) in student.named_parameters())
        {
            if (parameter.dtype != ScalarType.BFloat16) parameter.copy_(full[name]);
            else _masters[parameter.Handle] = new Parameter(full[name].clone().DetachFromDisposeScope(), parameter.requires_grad);
        }
        foreach (var (name, buffer) in student.named_buffers())
        {
            buffer.copy_(full[name]);
            if (buffer.dtype == ScalarType.BFloat16) _buffers[name] = full[name].clone().DetachFromDisposeScope();
        }
        foreach (var value in full.Values) value.Dispose();
        Network = new FloatFace(student);
        Trained =
        [
            .. student.named_parameters()
                .Where(pair => pair.parameter.requires_grad)
                .Select(pair => (pair.name, _masters.GetValueOrDefault(pair.parameter.Handle) ?? pair.parameter)),
        ];
    }

    public override nn.Module<Tensor, Tensor> Network { get; }

    public override ScalarType ImageDType => ScalarType.Float32;

    public override IReadOnlyList<(string Name, Parameter Weight)> Trained { get; }

    public override TappedOutput Forward(IFeatureTap tap, Tensor images) =>
        tap.Forward(images.to(ScalarType.BFloat16)).Map(map => map.to(ScalarType.Float32));

    // The optimiser clears the gradients of the float32 weights; those of the student are cleared here.
    public override void BeginGradients() => Student.zero_grad(set_to_none: true);

    public override void TakeGradients()
    {
        foreach (var (parameter, master) in Pairs())
        {
            using var scope = NewDisposeScope();
            if (parameter.grad is not { } gradient) continue;
            var own = master.grad;
            if (own is null) master.grad = gradient.to(ScalarType.Float32, copy: true);
            else own.copy_(gradient);
        }
    }

    public override void Publish()
    {
        using var noGrad = no_grad();
        foreach (var (parameter, master) in Pairs()) parameter.copy_(master);
    }

    public override void Load(IReadOnlyDictionary<string, Tensor> state, string source)
    {
        StudentState.Load(Student, state, source);
        using var noGrad = no_grad();
        foreach (var (name, parameter) in Student.named_parameters())
            if (_masters.TryGetValue(parameter.Handle, out var master)) master.copy_(state[name]);
        foreach (var (name, buffer) in _buffers) buffer.copy_(state[name]);
        Publish();
    }

    // The float32 weights replace their bfloat16 copies in the state.
    public override Dictionary<string, Tensor> State()
    {
        TakeBuffers();
        return Student.state_dict().ToDictionary(
            pair => pair.Key,
            pair => _buffers.GetValueOrDefault(pair.Key) ?? _masters.GetValueOrDefault(pair.Value.Handle) ?? pair.Value,
            StringComparer.Ordinal);
    }

    public override void Dispose()
    {
        using var noGrad = no_grad();
        var full = StudentState.Copies(State());
        Convert(Student, ScalarType.Float32);
        foreach (var (name, value) in Student.state_dict())
        {
            value.copy_(full[name]);
            full[name].Dispose();
        }
        foreach (var master in _masters.Values) master.Dispose();
        foreach (var buffer in _buffers.Values) buffer.Dispose();
    }

    /// <summary>Takes over the values of buffers that the student changed. The other values (such as the mean of a normalisation
    /// layer) keep their float32 precision.</summary>
    private void TakeBuffers()
    {
        if (_buffers.Count == 0) return;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (name, rounded) in Student.named_buffers())
        {
            if (_buffers.TryGetValue(name, out var buffer))
                buffer.copy_(where(buffer.to(ScalarType.BFloat16) == rounded, buffer, rounded.to(ScalarType.Float32)));
        }
    }

    private IEnumerable<(Parameter Parameter, Parameter Master)> Pairs()
    {
        foreach (var parameter in Student.parameters())
            if (_masters.TryGetValue(parameter.Handle, out var master)) yield return (parameter, master);
    }

    private static void Convert(nn.Module student, ScalarType dtype)
    {
        // TorchSharp does not release the gradients when it converts parameters, so they are removed first.
        student.zero_grad(set_to_none: true);
        student.to(dtype);
        if (dtype == ScalarType.Float32) return;
        foreach (var layer in student.modules().Prepend(student).OfType<BatchNorm>()) layer.to(ScalarType.Float32);
    }

    private sealed class FloatFace : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> _student;

        public FloatFace(nn.Module<Tensor, Tensor> student) : base("float32 face")
        {
            _student = student;
            register_module("student", student);
        }

        public override Tensor forward(Tensor input)
        {
            using var low = input.to(ScalarType.BFloat16);
            using var logits = _student.call(low);
            return logits.to(ScalarType.Float32);
        }

        // The constructor registers the student by hand; the default would register the field a second time.
        protected override void RegisterComponents()
        {
        }
    }
}
