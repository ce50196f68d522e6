import { nodeLinkContract } from '@parlance/gateway/contract'
import { InProcessNetwork } from '@parlance/gateway/embedded'

nodeLinkContract('in-process', {
  open: () => {
    const network = new InProcessNetwork()
    return { openHost: async () => network.openHost(), openClient: (nodes) => network.openClient(nodes) }
  },
})
