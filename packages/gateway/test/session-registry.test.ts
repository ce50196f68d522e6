import { createInProcessRegistry } from '@parlance/gateway/embedded'
import { sessionRegistryContract } from '@parlance/gateway/contract'

sessionRegistryContract('in-process', {
  open: () => {
    const registry = createInProcessRegistry()
    return { here: registry, there: registry }
  },
})
